import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { testOnlineStore } from '../../../src/conformance/index.ts';
import {
  RedisOnlineStore,
  RedisOnlineStoreConfig,
  RedisOnlineStoreSettings,
} from '../../../src/stores/redis/redis-online-store.ts';
import { driverBlock } from '../../support/driver-block.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { type RedisServer, startRedisServer, waitFor } from '../../support/redis-server.ts';
import {
  createCertificates,
  type RedisCluster,
  startRedisCluster,
  startWatchedRedis,
  type TestCertificates,
  type WatchedRedis,
} from '../../support/redis-topologies.ts';
import { driverKey, driverRow, storedDriver, storeErrorOf } from '../../support/store-rows.ts';
import { TestAuthority } from '../../support/tls-certificates.ts';
import { startTlsDoor } from '../../support/tls-door.ts';
import { redisCapabilities } from './redis-capabilities.ts';

const table = tableWith('p', 'stats', ['driver_id'], ['trips']);

function open(config: object, settings: object = {}): RedisOnlineStore {
  const context = { project: 'p', repoPath: '/', warn: () => {} };
  return new RedisOnlineStore(RedisOnlineStoreConfig.parse(config), context, RedisOnlineStoreSettings.parse(settings));
}

describe('Redis Cluster', () => {
  let cluster: RedisCluster;

  before(async () => {
    cluster = await startRedisCluster();
  });

  after(() => cluster?.remove());

  const connectionString = (): string => cluster.masters.map(({ port }) => `127.0.0.1:${port}`).join(',');

  const configWith = (ttl: number) => () => {
    return RedisOnlineStoreConfig.parse({
      redis_type: 'redis_cluster',
      connection_string: `${connectionString()},skip_full_coverage_check=true`,
      key_ttl_seconds: ttl,
    });
  };

  testOnlineStore({
    name: 'Redis Cluster',
    config: configWith(600),
    create: (config, context) => new RedisOnlineStore(config, context),
    capabilities: { ...redisCapabilities, ttl: true },
    storage: { timePrecision: 'microsecond', createdTimes: false },
    expiring: { config: configWith(1), seconds: 1 },
  });

  it('spreads rows over all nodes, each with its time to live', async () => {
    await Promise.all(cluster.masters.map(({ client }) => client.flushall()));
    const store = open({ redis_type: 'redis_cluster', connection_string: connectionString(), key_ttl_seconds: 600 });
    const rows = Array.from({ length: 300 }, (_, id) => driverRow(id, 100, { trips: id }));
    await store.onlineWriteBatch(table, rows);
    const sizes = await Promise.all(cluster.masters.map(({ client }) => client.dbsize()));
    assert.equal(
      sizes.reduce((a, b) => a + b),
      300,
    );
    assert.ok(Math.min(...sizes) > 50, sizes.join(' '));
    for (const { client } of cluster.masters) {
      for (const key of await client.keysBuffer('*')) assert.ok((await client.ttl(key)) > 0);
    }
    await store.close();
  });

  it('needs one of its nodes to be found', async () => {
    const store = open({
      redis_type: 'redis_cluster',
      connection_string: `127.0.0.1:1,127.0.0.1:${cluster.masters[1]?.port}`,
    });
    await store.ping();
    await store.close();
  });

  it('is told apart from a single Redis', async () => {
    const store = open({ connection_string: `127.0.0.1:${cluster.masters[0]?.port}` });
    const keys = Array.from({ length: 20 }, (_, id) => driverKey(id));
    const error = await storeErrorOf(store.onlineRead(table, keys), 'STORE_UNAVAILABLE');
    assert.match(error.describe(), /redis_type is redis_cluster/);
    await store.close();
  });

  it('says that it is down, and that a single Redis is none', async () => {
    const down = open({ redis_type: 'redis_cluster', connection_string: '127.0.0.1:1' });
    await storeErrorOf(down.ping({ deadline: Date.now() + 3000 }), 'STORE_UNAVAILABLE');
    await down.close();
    const single = await startRedisServer();
    const store = open({ redis_type: 'redis_cluster', connection_string: `127.0.0.1:${single.port}` });
    await storeErrorOf(store.ping({ deadline: Date.now() + 3000 }), 'STORE_UNAVAILABLE');
    await store.close();
    await single.remove();
  });
});

describe('Redis behind a sentinel', () => {
  let watched: WatchedRedis;
  let store: RedisOnlineStore;

  before(async () => {
    watched = await startWatchedRedis();
  });

  after(async () => {
    await store?.close();
    await watched?.remove();
  });

  it('is found through the sentinel, and again after a failover', async () => {
    store = open({
      redis_type: 'redis_sentinel',
      connection_string: `127.0.0.1:${watched.sentinelPort}`,
      sentinel_master: watched.masterName,
    });
    await store.onlineWriteBatch(table, [driverRow(1, 100, { trips: 1 })]);
    assert.equal(await watched.primary.client.dbsize(), 1);
    await watched.caughtUp();
    await watched.primary.stop();
    const giveUpAt = Date.now() + 15_000;
    for (;;) {
      try {
        const block = driverBlock(
          ['trips'],
          [2],
          () => 100,
          () => 2,
        );
        await store.writeBlock(table, block);
        break;
      } catch (error) {
        if (Date.now() > giveUpAt) throw error;
      }
      await sleep(50);
    }
    assert.deepEqual(await storedDriver(store, table, 1), { seconds: 100, trips: '2001' });
    assert.equal(await watched.replica.client.dbsize(), 2);
  });

  it('says that no sentinel answers, and that none knows the name', async () => {
    const alone = open({ redis_type: 'redis_sentinel', connection_string: '127.0.0.1:1' });
    const error = await storeErrorOf(alone.ping({ deadline: Date.now() + 400 }), 'STORE_UNAVAILABLE');
    assert.match(error.message, /sentinels at 127\.0\.0\.1:1/);
    await alone.close();
    const misnamed = open({
      redis_type: 'redis_sentinel',
      connection_string: `127.0.0.1:${watched.sentinelPort}`,
      sentinel_master: 'nobody',
    });
    await storeErrorOf(misnamed.ping({ deadline: Date.now() + 400 }), 'STORE_UNAVAILABLE');
    await misnamed.close();
  });
});

describe('Redis over TLS', () => {
  let folder: string;
  let server: RedisServer;
  let files: TestCertificates;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sideboard-tls-'));
    files = createCertificates(folder);
    const { ca, cert, key } = files;
    server = await startRedisServer({
      plainPort: false,
      args: ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', ca, '--tls-auth-clients', 'yes'],
      client: { tls: { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) } },
    });
  });

  after(async () => {
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const tls = (parameters: string): string => `127.0.0.1:${server.port},ssl=true,${parameters}`;

  it('checks the certificate of the server and shows its own', async () => {
    const store = open({
      connection_string: tls(`ssl_ca_certs=${files.ca},ssl_certfile=${files.cert},ssl_keyfile=${files.key}`),
    });
    await store.onlineWriteBatch(table, [driverRow(1, 100, { trips: 1 })]);
    assert.deepEqual(await storedDriver(store, table, 1), { seconds: 100, trips: '2001' });
    await store.close();
  });

  it('refuses a certificate that nobody it trusts has signed, unless it is told not to look', async () => {
    const own = `ssl_certfile=${files.cert},ssl_keyfile=${files.key}`;
    const strict = open({ connection_string: tls(own) });
    const error = await storeErrorOf(strict.ping(), 'STORE_UNAVAILABLE');
    assert.match(error.describe(), /over TLS.*ssl_ca_certs/);
    await strict.close();
    const trusting = open({ connection_string: tls(`${own},ssl_cert_reqs=none`) });
    await trusting.ping();
    await trusting.close();
  });

  it('compares the name of the server with its certificate, unless it is told not to', async () => {
    const parameters = `ssl=true,ssl_ca_certs=${files.ca},ssl_certfile=${files.cert},ssl_keyfile=${files.key}`;
    const misnamed = open({ connection_string: `localhost:${server.port},${parameters}` });
    const error = await storeErrorOf(misnamed.ping(), 'STORE_UNAVAILABLE');
    assert.match(error.describe(), /over TLS/);
    await misnamed.close();
    const indifferent = open({ connection_string: `localhost:${server.port},${parameters},ssl_check_hostname=false` });
    await indifferent.ping();
    await indifferent.close();
  });

  for (const type of ['redis', 'redis_cluster'] as const) {
    it(`tells the server by which name it is wanted, as ${type}`, async () => {
      const authority = new TestAuthority(folder, `names-${type}`);
      const args =
        type === 'redis' ? [] : ['--cluster-enabled', 'yes', '--cluster-preferred-endpoint-type', 'hostname'];
      const plain = await startRedisServer({ args });
      const door = await startTlsDoor(plain.port, authority.issue({ names: 'DNS:localhost' }));
      try {
        if (type === 'redis_cluster') {
          await plain.client.call('CONFIG', 'SET', 'cluster-announce-hostname', 'localhost');
          await plain.client.call('CONFIG', 'SET', 'cluster-announce-port', `${door.port}`);
          await plain.client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
          await waitFor(
            async () => assert.match(String(await plain.client.call('CLUSTER', 'INFO')), /cluster_state:ok/),
            'the cluster',
          );
        }
        const address = `localhost:${door.port},ssl=true,ssl_ca_certs=${authority.file}`;
        const store = open({ redis_type: type, connection_string: address });
        await store.onlineWriteBatch(table, [driverRow(1, 100, { trips: 1 })]);
        assert.deepEqual(await storedDriver(store, table, 1), { seconds: 100, trips: '2001' });
        await store.close();
        assert.deepEqual([...new Set(door.names)], ['localhost']);
      } finally {
        await door.close();
        await plain.remove();
      }
    });
  }

  it('says that it was asked without TLS, or without the certificate that the server wants', async () => {
    const plain = open({ connection_string: `127.0.0.1:${server.port}` });
    await storeErrorOf(plain.ping(), 'STORE_UNAVAILABLE');
    await plain.close();
    const anonymous = open({ connection_string: tls(`ssl_ca_certs=${files.ca}`) });
    await storeErrorOf(anonymous.ping(), 'STORE_UNAVAILABLE');
    await anonymous.close();
  });

  it('names a certificate file that is missing', async () => {
    const store = open({ connection_string: tls('ssl_ca_certs=/nowhere/ca.pem') });
    const error = await storeErrorOf(store.ping(), 'STORE_UNAVAILABLE');
    assert.match(error.message, /ssl_ca_certs.*\/nowhere\/ca\.pem/);
    await store.close();
  });
});
