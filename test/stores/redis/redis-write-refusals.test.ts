import assert from 'node:assert/strict';
import type { WriteBlock } from '../../../src/stores/write-block.ts';
import { rowsFromWriteBlock } from '../../../src/stores/write-block-rows.ts';
import { driverBlock, upTo } from '../../support/driver-block.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { useRedis } from '../../support/redis-stores.ts';
import { driverRow, int64Bytes, storedDriver, storeErrorOf } from '../../support/store-rows.ts';

const FEATURES = ['trips', 'rate'];
const table = tableWith('shop', 'stats', ['driver_id'], FEATURES);
const TIME = 1_700_000_000;

/** A row's values are its driver's number, or a multiple of it. */
const blockAt = (seconds: number, ids: readonly number[], factor = 1): WriteBlock => {
  return driverBlock(
    FEATURES,
    ids,
    () => seconds,
    (id) => factor * id,
  );
};

describe('writes that Redis refuses', () => {
  const redis = useRedis();
  const { stores } = redis;

  describe('because scripts are forbidden', () => {
    const acl = async (...rules: string[]): Promise<object> => {
      await redis.server.client.call(
        'ACL',
        'SETUSER',
        'loader',
        'reset',
        'on',
        '>secret',
        '~*',
        '+ping',
        '+select',
        ...rules,
      );
      return { connection_string: `127.0.0.1:${redis.server.port},username=loader,password=secret` };
    };

    for (const config of [{}, { key_ttl_seconds: 1000 }]) {
      it(`are read, compared and written, which is said once${config.key_ttl_seconds ? ', with a time to live' : ''}`, async () => {
        const store = stores.open(
          { ...config, ...(await acl('+hmget', '+hset', '+expire')) },
          { max_pipeline_keys: 7 },
        );
        await store.writeBlock(table, blockAt(TIME, upTo(20)));
        await store.writeBlock(table, blockAt(TIME, upTo(20), 2));
        await store.writeBlock(table, blockAt(TIME - 1, upTo(20), 3));
        await store.onlineWriteBatch(table, rowsFromWriteBlock(blockAt(TIME + 1, [5], 4)));
        const trips = (value: number): string => Buffer.from(int64Bytes(value)).toString('hex');
        assert.equal(((await storedDriver(store, table, 4)) as Record<string, unknown>).trips, trips(4));
        assert.equal(((await storedDriver(store, table, 5)) as Record<string, unknown>).trips, trips(20));
        assert.equal(await redis.server.client.dbsize(), 20);
        assert.equal(stores.warnings.length, 1);
        assert.match(stores.warnings[0] ?? '', /lets this user run no scripts \(EVAL, EVALSHA\)/);
        const [key = ''] = await redis.server.client.keysBuffer('*');
        assert.equal(await redis.server.client.ttl(key), config.key_ttl_seconds ?? -1);
      });
    }

    it('are refused where nothing may be written at all, without a warning', async () => {
      const store = stores.open(await acl('+hmget'));
      await storeErrorOf(store.writeBlock(table, blockAt(TIME, upTo(3))), 'STORE_PERMISSION_DENIED');
      assert.deepEqual(stores.warnings, []);
    });

    it('are refused where the script may run but not write', async () => {
      const store = stores.open(await acl('+eval', '+evalsha', '+hget', '+hmget'));
      const error = await storeErrorOf(store.writeBlock(table, blockAt(TIME, upTo(3))), 'STORE_PERMISSION_DENIED');
      assert.match(error.describe(), /Row 0 of feature view "stats".*EVALSHA, EVAL, HGET, HSET/);
    });

    it('do not overwrite a time that is none', async () => {
      const store = stores.open(await acl('+hmget', '+hset'));
      await store.writeBlock(table, blockAt(TIME, [1]));
      const [key = ''] = await redis.server.client.keysBuffer('*');
      await redis.server.client.hset(key, '_ts:stats', 'no time');
      const error = await storeErrorOf(store.writeBlock(table, blockAt(TIME, [7, 1])), 'STORE_CORRUPT');
      assert.match(error.describe(), /row 1 of feature view "stats".*skip_dedup/);
    });
  });

  describe('row by row', () => {
    it('name the row under whose key stands something else', async () => {
      const store = stores.open();
      await store.writeBlock(table, blockAt(TIME, [77]));
      const [key = ''] = await redis.server.client.keysBuffer('*');
      await redis.server.client.set(key, 'no hash');
      const error = await storeErrorOf(store.writeBlock(table, blockAt(TIME, upTo(200))), 'STORE_WRONG_LAYOUT');
      assert.match(error.message, /^Row 77 of feature view "stats" of project "shop" was not written: .*another type/);
      const rows = rowsFromWriteBlock(blockAt(TIME, upTo(200)));
      // Rows of other features are written by themselves.
      const batch = store.onlineWriteBatch(table, [driverRow(500, TIME, { trips: 1 }), ...rows]);
      assert.match((await storeErrorOf(batch, 'STORE_WRONG_LAYOUT')).message, /^Row 78 of/);
      const plain = stores.open({ skip_dedup: true, key_ttl_seconds: 5 });
      const unguarded = await storeErrorOf(plain.writeBlock(table, blockAt(TIME, upTo(200))), 'STORE_WRONG_LAYOUT');
      assert.match(unguarded.message, /^Row 77 of/);
      assert.equal(await redis.server.client.get(key), 'no hash');
    });

    it('name the row whose stored time is none, and leave it as it is', async () => {
      const store = stores.open();
      await store.writeBlock(table, blockAt(TIME, [3]));
      const [key = ''] = await redis.server.client.keysBuffer('*');
      await redis.server.client.hset(key, '_ts:stats', 'no time');
      const before = await redis.server.client.hgetall(key);
      const error = await storeErrorOf(store.writeBlock(table, blockAt(TIME + 5, upTo(9))), 'STORE_CORRUPT');
      assert.match(error.describe(), /Row 3 of feature view "stats".*not a Timestamp.*skip_dedup/);
      assert.deepEqual(await redis.server.client.hgetall(key), before);
    });

    it('say why: no memory, a replica, too few replicas', async () => {
      const store = stores.open();
      for (const [setting, value, usual, code, says] of [
        ['maxmemory', '1', '0', 'STORE_OVERLOADED', /out of memory/],
        ['min-replicas-to-write', '1', '0', 'STORE_READ_ONLY', /refuses writes/],
      ] as const) {
        await redis.server.client.config('SET', setting, value);
        try {
          const error = await storeErrorOf(store.writeBlock(table, blockAt(TIME, upTo(40))), code);
          assert.match(error.message, /^Row 0 of feature view "stats"/);
          assert.match(error.message, says);
        } finally {
          await redis.server.client.config('SET', setting, usual);
        }
      }
      await redis.server.client.call('REPLICAOF', '127.0.0.1', '1');
      try {
        for (const each of [store, stores.open({ skip_dedup: true })]) {
          const error = await storeErrorOf(each.writeBlock(table, blockAt(TIME, upTo(40))), 'STORE_READ_ONLY');
          assert.match(error.message, /is a replica/);
        }
      } finally {
        await redis.server.client.call('REPLICAOF', 'NO', 'ONE');
      }
      await store.writeBlock(table, blockAt(TIME, upTo(40)));
      assert.equal(await redis.server.client.dbsize(), 40);
    });
  });
});
