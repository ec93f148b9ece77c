import assert from 'node:assert/strict';
import type { OnlineTable } from '../../../src/stores/online-store.ts';
import {
  RedisOnlineStore,
  RedisOnlineStoreConfig,
  RedisOnlineStoreSettings,
} from '../../../src/stores/redis/redis-online-store.ts';
import { RowBlock } from '../../../src/stores/row-block.ts';
import { serializeKeys } from '../../../src/stores/row-objects.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { changeOf, driverKey, driverRow, storedDriver } from '../../support/store-rows.ts';

const stats = tableWith('shop', 'stats', ['driver_id'], ['trips', 'rate']);
const orders = tableWith('shop', 'orders', ['driver_id'], ['trips']);

describe('the Redis store', () => {
  let server: RedisServer;
  let store: RedisOnlineStore;
  const warnings: string[] = [];

  before(async () => {
    server = await startRedisServer();
  });

  after(() => server?.remove());

  beforeEach(async () => {
    warnings.length = 0;
    await server.client.flushall();
  });

  afterEach(() => store?.close());

  const open = (config: object = {}, settings: object = {}): RedisOnlineStore => {
    const context = { project: 'shop', repoPath: '/', warn: (message: string) => warnings.push(message) };
    const parsed = RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${server.port}`, ...config });
    store = new RedisOnlineStore(parsed, context, RedisOnlineStoreSettings.parse(settings));
    return store;
  };

  const write = (table: OnlineTable, ...rows: Parameters<typeof driverRow>[]): Promise<void> =>
    store.onlineWriteBatch(
      table,
      rows.map((row) => driverRow(...row)),
    );

  const onlyKey = async (): Promise<Buffer> => {
    const [key, ...others] = await server.client.keysBuffer('*');
    assert.deepEqual(others, []);
    return key ?? assert.fail('no key');
  };

  describe('comparing event times', () => {
    it('skips a row that is older than the stored one or of the same time', async () => {
      open();
      await write(stats, [1, 100, { trips: 1 }]);
      await write(stats, [1, 100, { trips: 2 }]);
      await write(stats, [1, 99, { trips: 3, rate: 3 }]);
      assert.deepEqual(await storedDriver(store, stats, 1), { seconds: 100, trips: '2001' });
    });

    it('takes the latest of a batch, and of equal ones the first', async () => {
      open();
      await write(
        stats,
        [1, 100, { trips: 1 }],
        [1, 102, { trips: 2 }],
        [1, 101, { trips: 3 }],
        [1, 102, { trips: 4 }],
      );
      assert.deepEqual(await storedDriver(store, stats, 1), { seconds: 102, trips: '2002' });
    });

    it('keeps a feature that only an earlier row of the batch has', async () => {
      open();
      await write(stats, [1, 100, { trips: 1, rate: 1 }], [1, 101, { trips: 2 }]);
      assert.deepEqual(await storedDriver(store, stats, 1), { seconds: 101, trips: '2002', rate: '2001' });
    });

    it('compares microseconds', async () => {
      open();
      const row = driverRow(1, 100, { trips: 1 });
      await store.onlineWriteBatch(stats, [{ ...row, eventTimestamp: { seconds: 100, nanos: 2_000 } }]);
      const later = driverRow(1, 100, { trips: 2 });
      await store.onlineWriteBatch(stats, [{ ...later, eventTimestamp: { seconds: 100, nanos: 2_999 } }]);
      assert.deepEqual(await storedDriver(store, stats, 1), { seconds: 100, trips: '2001' });
      await store.onlineWriteBatch(stats, [{ ...later, eventTimestamp: { seconds: 100, nanos: 3_000 } }]);
      assert.deepEqual(await storedDriver(store, stats, 1), { seconds: 100, trips: '2002' });
    });

    it('never counts a time of 1970 as stored, as Feast cannot tell it from none', async () => {
      open();
      await write(stats, [1, 0, { trips: 1 }]);
      await write(stats, [1, 0, { trips: 2 }], [1, 0, { trips: 3 }]);
      assert.deepEqual(await storedDriver(store, stats, 1), { seconds: 0, trips: '2003' });
      assert.equal(await server.client.hget(await onlyKey(), '_ts:stats'), '');
    });

    it('compares each view by its own time', async () => {
      open();
      await write(stats, [1, 200, { trips: 1 }]);
      await write(orders, [1, 100, { trips: 2 }]);
      assert.deepEqual(await storedDriver(store, orders, 1), { seconds: 100, trips: '2002' });
    });

    it('takes what comes last with skip_dedup', async () => {
      open({ skip_dedup: true });
      await write(stats, [1, 100, { trips: 1 }]);
      await write(stats, [1, 99, { trips: 2 }], [1, 98, { trips: 3 }]);
      assert.deepEqual(await storedDriver(store, stats, 1), { seconds: 98, trips: '2003' });
    });

    it('judges rows alike whether or not they fit one pipeline', async () => {
      open({}, { max_pipeline_keys: 2 });
      const rows = Array.from({ length: 9 }, (_, i) => driverRow(i % 3, 100 + ((i * 7) % 9), { trips: i }));
      await store.onlineWriteBatch(stats, rows);
      for (const id of [0, 1, 2]) {
        const newest = rows
          .filter((_, i) => i % 3 === id)
          .reduce((a, b) => (b.eventTimestamp.seconds > a.eventTimestamp.seconds ? b : a));
        const read = await storedDriver(store, stats, id);
        assert.equal((read as { seconds: number }).seconds, newest.eventTimestamp.seconds);
      }
    });
  });

  describe('expiring keys', () => {
    it('renews the life of an entity with every accepted row of any view, and with no skipped one', async () => {
      open({ key_ttl_seconds: 1000 });
      assert.equal(store.capabilities.ttl, true);
      await write(stats, [1, 100, { trips: 1 }]);
      const key = await onlyKey();
      assert.equal(await server.client.ttl(key), 1000);
      await server.client.expire(key, 10);
      await write(stats, [1, 100, { trips: 2 }]);
      assert.equal(await server.client.ttl(key), 10);
      await write(orders, [1, 50, { trips: 2 }]);
      assert.equal(await server.client.ttl(key), 1000);
    });

    it('lets keys live forever without key_ttl_seconds', async () => {
      open({ key_ttl_seconds: 0 });
      await write(stats, [1, 100, { trips: 1 }]);
      assert.equal(await server.client.ttl(await onlyKey()), -1);
    });
  });

  describe('removing views', () => {
    it('removes the fields of a view while another shares the key, and then the key', async () => {
      open();
      await write(stats, [1, 100, { trips: 1, rate: 1 }]);
      await write(orders, [1, 100, { trips: 2 }]);
      const key = await onlyKey();
      await store.update(changeOf({ tablesToDelete: [stats] }));
      assert.equal(await server.client.hlen(key), 2);
      assert.deepEqual(await storedDriver(store, orders, 1), { seconds: 100, trips: '2002' });
      await store.update(changeOf({ tablesToDelete: [orders] }));
      assert.equal(await server.client.exists(key), 0);
    });

    it('removes the key when all the views that share it go together', async () => {
      open();
      await write(stats, [1, 100, { trips: 1 }]);
      await write(orders, [1, 100, { trips: 2 }]);
      await store.teardown([stats, orders], []);
      assert.equal(await server.client.dbsize(), 0);
    });

    it('leaves a key of another type alone, and removes the others', async () => {
      open();
      await write(stats, [1, 100, { trips: 1 }]);
      const key = await onlyKey();
      await server.client.del(key);
      await server.client.set(key, 'somebody else was here');
      await write(stats, [2, 100, { trips: 1 }]);
      await store.teardown([stats], []);
      assert.equal(await server.client.dbsize(), 1);
      assert.equal(await server.client.get(key), 'somebody else was here');
    });

    it('leaves other projects, other join keys and foreign keys alone', async () => {
      open();
      const other = { ...stats, project: 'my_shop' };
      await write(stats, [1, 100, { trips: 1 }]);
      await write(other, [1, 100, { trips: 1 }]);
      await server.client.set('foreign', 'x');
      await store.update(changeOf({ tablesToDelete: [stats] }));
      assert.equal(await storedDriver(store, stats, 1), undefined);
      assert.deepEqual(await storedDriver(store, other, 1), { seconds: 100, trips: '2001' });
      assert.equal(await server.client.get('foreign'), 'x');
    });

    it('finds thousands of keys in small steps', async () => {
      open({}, { scan_count: 50, max_pipeline_keys: 20 });
      const rows = Array.from({ length: 3000 }, (_, id) => driverRow(id, 100, { trips: id }));
      await store.onlineWriteBatch(stats, rows);
      await store.update(changeOf({ tablesToDelete: [stats] }));
      assert.equal(await server.client.dbsize(), 0);
    });

    it('removes nothing and says so when full_scan_for_deletion is off', async () => {
      open({ full_scan_for_deletion: false });
      await write(stats, [1, 100, { trips: 1 }]);
      await store.update(changeOf({ tablesToDelete: [stats] }));
      assert.deepEqual(await storedDriver(store, stats, 1), { seconds: 100, trips: '2001' });
      assert.match(warnings[0] ?? '', /full_scan_for_deletion is off.*stats/);
    });
  });

  it('reads views that share their keys with one command per entity', async () => {
    open();
    const keys = serializeKeys(stats, [driverKey(1), driverKey(2)]);
    const reads = [stats, orders].map((table) => ({
      table,
      keys: table === stats ? keys : [...keys],
      features: ['trips'],
      block: new RowBlock(2, 1),
    }));
    await store.ping();
    const before = await commandCalls(server);
    await store.readMany(reads);
    const after = await commandCalls(server);
    assert.equal(after - before, 2);
  });
});

async function commandCalls(server: RedisServer): Promise<number> {
  const stats = await server.client.info('commandstats');
  return Number(/cmdstat_hmget:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}
