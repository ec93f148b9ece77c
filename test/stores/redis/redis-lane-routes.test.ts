import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  RedisOnlineStore,
  RedisOnlineStoreConfig,
  RedisOnlineStoreSettings,
} from '../../../src/stores/redis/redis-online-store.ts';
import { StoreError } from '../../../src/stores/store-error.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { createCertificates, startWatchedRedis, type WatchedRedis } from '../../support/redis-topologies.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { type SlicingProxy, startSlicingProxy } from '../../support/slicing-proxy.ts';
import { assertTold, someReads, tellingRow, tellingTable } from '../../support/telling-rows.ts';

const STORED = 30;
const VERSIONS = { stored: STORED, oldest: 1, newest: 1 };
const tables = [tellingTable('stats', 6), tellingTable('profile', 30)];

function open(config: object): RedisOnlineStore {
  const context = { project: 'p', repoPath: '/', warn: () => {} };
  const settings = RedisOnlineStoreSettings.parse({ reconnect_max_delay_ms: 50 });
  return new RedisOnlineStore(RedisOnlineStoreConfig.parse(config), context, settings);
}

async function writeAll(store: RedisOnlineStore): Promise<void> {
  for (const table of tables) {
    const rows = Array.from({ length: STORED }, (_, entity) => tellingRow(table, entity, 1));
    await store.onlineWriteBatch(table, rows);
  }
}

const random = createSeededRandom(1);

/** Reads some rows; true when they came, false when the store could not be reached. They are never wrong. */
async function readSome(store: RedisOnlineStore): Promise<boolean> {
  const entities = Array.from({ length: 1 + random(6) }, () => random(STORED + 3));
  const reads = someReads(tables, entities, random);
  try {
    await store.readMany(reads, { deadline: Date.now() + 2000 });
  } catch (error) {
    assert.ok(error instanceof StoreError && error.code === 'STORE_UNAVAILABLE', String(error));
    return false;
  }
  assertTold(reads, entities, VERSIONS);
  return true;
}

describe('reading Redis behind a sentinel', () => {
  let watched: WatchedRedis;
  let store: RedisOnlineStore;

  before(async () => {
    watched = await startWatchedRedis();
  });

  after(async () => {
    await store?.close();
    await watched?.remove();
  });

  it('goes on at the promoted replica, and is never wrong in between', async () => {
    store = open({
      redis_type: 'redis_sentinel',
      connection_string: `127.0.0.1:${watched.sentinelPort}`,
      sentinel_master: watched.masterName,
    });
    await writeAll(store);
    await watched.caughtUp();
    assert.equal(await readSome(store), true);
    await watched.primary.stop();
    const giveUpAt = Date.now() + 10_000;
    let failed = 0;
    while (!(await readSome(store))) {
      failed++;
      assert.ok(Date.now() < giveUpAt, 'the replica is not found');
      await sleep(20);
    }
    assert.ok(failed > 0);
    const stats = await watched.replica.client.info('commandstats');
    assert.match(stats, /cmdstat_hmget/);
    assert.match(await watched.replica.client.info('replication'), /role:master/);
  });
});

describe('reading Redis over TLS', () => {
  let folder: string;
  let server: RedisServer;
  let proxy: SlicingProxy;
  let store: RedisOnlineStore;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sideboard-tls-'));
    const { ca, cert, key } = createCertificates(folder);
    server = await startRedisServer({
      plainPort: false,
      args: ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', ca, '--tls-auth-clients', 'no'],
      client: { tls: { ca: readFileSync(ca) } },
    });
    proxy = await startSlicingProxy({
      targetPort: server.port,
      pieceBytes: () => 1 + random(4000),
      cutAfterBytes: () => 20_000 + random(400_000),
    });
    store = open({ connection_string: `127.0.0.1:${proxy.port},ssl=true,ssl_ca_certs=${ca}` });
    const direct = open({ connection_string: `127.0.0.1:${server.port},ssl=true,ssl_ca_certs=${ca}` });
    await writeAll(direct);
    await direct.close();
  });

  after(async () => {
    await store?.close();
    await proxy?.close();
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is right however records are cut, and over connections that are lost and made again', async () => {
    const served = await Promise.all(
      Array.from({ length: 6 }, async () => {
        let count = 0;
        for (let round = 0; round < 25; round++) if (await readSome(store)) count++;
        return count;
      }),
    );
    const sum = served.reduce((a, b) => a + b);
    assert.ok(sum > 75, `${sum} of 150 served`);
    assert.ok(proxy.cuts > 0);
  });
});
