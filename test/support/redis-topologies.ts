import { type ChildProcess, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { endProcess, findFreePort, type RedisServer, spawnRedis, startRedisServer, waitFor } from './redis-server.ts';

export interface RedisCluster {
  readonly masters: readonly RedisServer[];
  remove(): Promise<void>;
}

const SLOTS = 16_384;

/** Three masters that share all slots. */
export async function startRedisCluster(): Promise<RedisCluster> {
  // Long: nodes that wait for a slow disk are not to take each other for dead, nor the cluster for one that is down.
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '30000'];
  const masters = await Promise.all([1, 2, 3].map(() => startRedisServer({ args })));
  const remove = async (): Promise<void> => {
    await Promise.all(masters.map((master) => master.remove()));
  };
  try {
    for (const [index, { client }] of masters.entries()) {
      const first = Math.floor((SLOTS * index) / masters.length);
      const last = Math.floor((SLOTS * (index + 1)) / masters.length) - 1;
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
      await client.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
      await client.call('CLUSTER', 'MEET', '127.0.0.1', masters[0]?.port ?? 0);
    }
    await waitFor(async () => {
      for (const { client } of masters) {
        const info = String(await client.call('CLUSTER', 'INFO'));
        if (!/cluster_state:ok/.test(info) || !/cluster_known_nodes:3/.test(info)) throw new Error(info);
      }
    }, 'the Redis cluster');
  } catch (error) {
    await remove();
    throw error;
  }
  return { masters, remove };
}

export interface WatchedRedis {
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  readonly sentinelPort: number;
  readonly masterName: string;
  /** Resolves when the replica has all that the primary has. */
  caughtUp(): Promise<void>;
  remove(): Promise<void>;
}

/** A primary, its replica and a sentinel that promotes the replica when the primary is gone for half a second. */
export async function startWatchedRedis(): Promise<WatchedRedis> {
  const masterName = 'features';
  const primary = await startRedisServer();
  const replica = await startRedisServer({ args: ['--replicaof', '127.0.0.1', `${primary.port}`] });
  const folder = mkdtempSync(join(tmpdir(), 'sideboard-sentinel-'));
  const sentinelPort = await findFreePort();
  const config = join(folder, 'sentinel.conf');
  writeFileSync(
    config,
    [
      `port ${sentinelPort}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor ${masterName} 127.0.0.1 ${primary.port} 1`,
      `sentinel down-after-milliseconds ${masterName} 500`,
      `sentinel failover-timeout ${masterName} 3000`,
    ].join('\n'),
  );
  const sentinel: ChildProcess = spawnRedis([config, '--sentinel']);
  const client = new Redis({ host: '127.0.0.1', port: sentinelPort, retryStrategy: () => 50 });
  client.on('error', () => {});
  const remove = async (): Promise<void> => {
    client.disconnect();
    await endProcess(sentinel);
    await Promise.all([primary.remove(), replica.remove()]);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(
      async () => {
        const replicas = (await client.call('SENTINEL', 'REPLICAS', masterName)) as unknown[];
        const info = await replica.client.info('replication');
        if (replicas.length === 0 || !info.includes('master_link_status:up')) throw new Error(info);
      },
      'the sentinel',
      sentinel,
    );
  } catch (error) {
    await remove();
    throw error;
  }
  const caughtUp = async (): Promise<void> => {
    // Redis waits for what the connection itself has written, and for all before it.
    await primary.client.set('caught-up', 'yes');
    await primary.client.del('caught-up');
    if ((await primary.client.wait(1, 10_000)) < 1) throw new Error('the replica lags behind by ten seconds');
  };
  return { primary, replica, sentinelPort, masterName, caughtUp, remove };
}

export interface TestCertificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority and a certificate for 127.0.0.1, made by openssl in `folder`. */
export function createCertificates(folder: string): TestCertificates {
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => {
    try {
      execFileSync('openssl', args, { stdio: 'pipe' });
    } catch (error) {
      throw new Error(`openssl ${args[0]} failed: is the package openssl installed?`, { cause: error });
    }
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.pem'),
    '-days',
    '2',
    '-subj',
    '/CN=test CA',
  );
  openssl('req', ...key, '-keyout', path('server.key'), '-out', path('server.csr'), '-subj', '/CN=redis');
  writeFileSync(path('names.cnf'), 'subjectAltName=IP:127.0.0.1\n');
  const signing = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial', '-extfile', path('names.cnf')];
  openssl('x509', '-req', '-in', path('server.csr'), ...signing, '-out', path('server.pem'), '-days', '2');
  return { ca: path('ca.pem'), cert: path('server.pem'), key: path('server.key') };
}
