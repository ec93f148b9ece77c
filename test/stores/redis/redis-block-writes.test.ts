import assert from 'node:assert/strict';
import { serializeEntityKey } from '../../../src/encoding/entity-key.ts';
import type { OnlineTable, WriteOptions } from '../../../src/stores/online-store.ts';
import type { RedisOnlineStore } from '../../../src/stores/redis/redis-online-store.ts';
import { RowBlock } from '../../../src/stores/row-block.ts';
import { WriteBlock } from '../../../src/stores/write-block.ts';
import { rowsFromWriteBlock } from '../../../src/stores/write-block-rows.ts';
import { driverBlock, upTo } from '../../support/driver-block.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { expiringHashes } from '../../support/redis-dump.ts';
import { useRedis } from '../../support/redis-stores.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { driverKey, driverRow, int64Bytes, storedDriver, storeErrorOf } from '../../support/store-rows.ts';

const FEATURES = ['trips', 'rate', 'age'];
const table = tableWith('shop', 'stats', ['driver_id'], FEATURES);
const TIME = 1_700_000_000;

describe('blocks of rows written to Redis', () => {
  const redis = useRedis();
  const { stores } = redis;

  const blockAt = (seconds: number, ids: readonly number[], factor = 1): WriteBlock =>
    driverBlock(
      FEATURES,
      ids,
      () => seconds,
      (id, feature) => (feature === 2 && id % 3 === 0 ? undefined : factor * (id + feature)),
    );

  const statOf = async (name: string): Promise<number> =>
    Number(new RegExp(`${name}[:=](?:calls=)?(\\d+)`).exec(await redis.server.client.info('all'))?.[1] ?? 0);

  describe('hold what the same rows hold', () => {
    for (const [name, config, options] of [
      ['compared', {}, {}],
      ['not compared', { skip_dedup: true }, {}],
      ['compared because the caller asks', { skip_dedup: true }, { newestOnly: true }],
      ['with a time to live', { key_ttl_seconds: 1000 }, {}],
      ['with a time to live, not compared', { key_ttl_seconds: 1000, skip_dedup: true }, {}],
    ] as const) {
      it(name, async () => {
        const store = stores.open(config);
        const first = blockAt(TIME, upTo(700));
        const second = driverBlock(
          FEATURES.slice(1),
          upTo(900),
          (id) => TIME + (id % 5) - 2,
          (id, feature) => 10_000 * feature + id,
        );
        await store.onlineWriteBatch(table, rowsFromWriteBlock(first), undefined, options);
        await store.onlineWriteBatch(table, rowsFromWriteBlock(second), undefined, options);
        const byRows = await expiringHashes(redis.server);
        assert.equal(byRows.length, 900);
        await redis.server.client.flushall();
        await store.writeBlock(table, first, options);
        await store.writeBlock(table, second, options);
        assert.deepEqual(await expiringHashes(redis.server), byRows);
      });
    }
  });

  it('takes 50,000 rows, in memory that does not grow with them', async () => {
    const store = stores.open();
    const block = blockAt(TIME, upTo(50_000));
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers);
    }, 1);
    await store.writeBlock(table, block);
    clearInterval(watch);
    assert.equal(await redis.server.client.dbsize(), 50_000);
    for (const id of [0, 31, 32, 33, 499, 500, 49_999]) {
      const stored = (await storedDriver(store, table, id)) as Record<string, unknown>;
      assert.equal(stored.trips, Buffer.from(int64Bytes(id)).toString('hex'));
      assert.equal(stored.age, id % 3 === 0 ? '' : Buffer.from(int64Bytes(id + 2)).toString('hex'));
    }
    assert.ok(most - before < 6 * 2 ** 20, `${most - before} bytes`);
    assert.ok((await statOf('cmdstat_evalsha')) < 50_000 / 20, 'one call per row');
  });

  it('does nothing for no rows', async () => {
    const store = stores.open();
    const block = new WriteBlock(FEATURES, 10);
    await store.writeBlock(table, block);
    assert.equal(await redis.server.client.dbsize(), 0);
    assert.equal(await statOf('connected_clients'), 1);
  });

  it('can be of one feature of one row, of none, and of a value larger than a pipeline', async () => {
    const store = stores.open();
    await store.writeBlock(
      table,
      driverBlock(
        [],
        [1],
        () => TIME,
        () => 0,
      ),
    );
    assert.deepEqual(await storedDriver(store, table, 1), { seconds: TIME });
    const large = new WriteBlock(['trips'], 3);
    for (const id of [1, 2, 3]) {
      large.out.raw(serializeEntityKey(driverKey(id)));
      large.endPiece();
      large.out.raw(Buffer.alloc(id * 300_000, id));
      large.endPiece();
      large.endRow(TIME + 1, 0);
    }
    await store.writeBlock(table, large);
    for (const id of [1, 2, 3]) {
      const stored = (await storedDriver(store, table, id)) as Record<string, unknown>;
      assert.equal(stored.trips, Buffer.alloc(id * 300_000, id).toString('hex'));
    }
  });

  it('refuses a time that is not a Timestamp before anything is written', async () => {
    const store = stores.open();
    const block = blockAt(TIME, upTo(3));
    block.times[4] = Number.NaN;
    const error = await storeErrorOf(store.writeBlock(table, block), 'STORE_INVALID_ROW');
    assert.match(error.message, /Row 1 of feature view "stats" of project "shop"/);
    assert.equal(await redis.server.client.dbsize(), 0);
  });

  it('may be filled again as soon as they are written', async () => {
    const store = stores.open();
    const block = new WriteBlock(['trips'], 40);
    for (let round = 0; round < 30; round++) {
      block.clear();
      const source = driverBlock(
        ['trips'],
        upTo(40).map((id) => round * 40 + id),
        () => TIME,
        (id) => id,
      );
      for (let row = 0; row < 40; row++) {
        block.out.raw(source.keyAt(row));
        block.endPiece();
        block.out.raw(source.valueAt(row, 0));
        block.endPiece();
        block.endRow(TIME, 0);
      }
      await store.writeBlock(table, block);
    }
    for (const id of [0, 39, 40, 1199]) {
      const trips = Buffer.from(int64Bytes(id)).toString('hex');
      assert.deepEqual(await storedDriver(store, table, id), { seconds: TIME, trips });
    }
  });

  for (const [name, config] of [
    ['', {}],
    [' with skip_dedup, when they ask for the newest only', { skip_dedup: true }],
  ] as const) {
    it(`let the newest of concurrent writers win, never a mixture${name}`, async function () {
      this.timeout(20_000);
      const writers = upTo(6).map(() => stores.open(config));
      const options: WriteOptions = { newestOnly: true };
      const random = createSeededRandom(7);
      const ids = upTo(40);
      const newest = new Map<number, number>();
      const work = writers.map(async (store, writer) => {
        for (let round = 0; round < 25; round++) {
          const times = new Map(ids.map((id) => [id, 1 + random(5000)]));
          for (const [id, time] of times) newest.set(id, Math.max(time, newest.get(id) ?? 0));
          // Every value tells the time of its row.
          const block = driverBlock(
            FEATURES,
            ids,
            (id) => TIME + (times.get(id) ?? 0),
            (id, feature) => (times.get(id) ?? 0) * 10 + feature,
          );
          if (writer % 2 === 0) await store.writeBlock(table, block, options);
          else await store.onlineWriteBatch(table, rowsFromWriteBlock(block), undefined, options);
        }
      });
      const [reader = stores.open()] = writers;
      let running = true;
      const reading = (async () => {
        while (running) await assertWhole(reader, ids);
      })();
      await Promise.all(work);
      running = false;
      await reading;
      const times = await assertWhole(reader, ids);
      assert.deepEqual(
        times,
        ids.map((id) => TIME + (newest.get(id) ?? 0)),
      );
    });
  }

  it('bring the script along when Redis has lost it, at any time', async () => {
    const store = stores.open({}, { max_pipeline_keys: 50 });
    await store.writeBlock(table, blockAt(TIME, upTo(10)));
    await redis.server.client.script('FLUSH');
    await store.writeBlock(table, blockAt(TIME + 1, upTo(10), 2));
    let running = true;
    const flushing = (async () => {
      while (running) await redis.server.client.script('FLUSH');
    })();
    try {
      for (let round = 2; round < 5; round++) {
        await store.writeBlock(table, blockAt(TIME + round, upTo(400), round)).catch((error: unknown) => {
          // Flushed all the time it may find no moment between two flushes.
          assert.match(String(error), /was not written/);
        });
      }
    } finally {
      running = false;
      await flushing;
    }
    await store.writeBlock(table, blockAt(TIME + 9, upTo(400), 9));
    const rows = await Promise.all(upTo(400).map((id) => storedDriver(store, table, id)));
    for (const [id, row] of rows.entries()) {
      assert.equal((row as Record<string, unknown>).trips, Buffer.from(int64Bytes(9 * id)).toString('hex'));
    }
  });

  it('keep the order of several rows of one entity in a batch', async () => {
    const store = stores.open();
    await store.onlineWriteBatch(table, [
      driverRow(1, 100, { trips: 1, rate: 1 }),
      driverRow(2, 100, { trips: 5 }),
      driverRow(1, 102, { trips: 2 }),
      driverRow(2, 101, { trips: 6, rate: 6 }),
      driverRow(1, 101, { trips: 3, age: 3 }),
      driverRow(1, 103, { age: 4 }),
      driverRow(3, 100, { rate: 7 }),
      driverRow(3, 101, { trips: 8 }),
    ]);
    assert.deepEqual(await storedDriver(store, table, 3), { seconds: 101, trips: '2008', rate: '2007' });
    assert.deepEqual(await storedDriver(store, table, 1), { seconds: 103, trips: '2002', rate: '2001', age: '2004' });
    assert.deepEqual(await storedDriver(store, table, 2), { seconds: 101, trips: '2006', rate: '2006' });
  });

  it('reports the rows of a batch as they are finished', async () => {
    const store = stores.open({}, { max_pipeline_keys: 4 });
    const finished: number[] = [];
    const rows = rowsFromWriteBlock(blockAt(TIME, upTo(10)));
    await store.onlineWriteBatch(table, rows, (count) => finished.push(count));
    assert.deepEqual(finished, [4, 4, 2]);
  });
});

/** Reads drivers; asserts that all values of a row are those of its time, and gives the times. */
async function assertWhole(store: RedisOnlineStore, ids: readonly number[]): Promise<number[]> {
  const read = readOf(table, ids);
  await store.readMany([read]);
  return ids.map((id, row) => {
    const { seconds } = read.block.timestampAt(row);
    for (const [feature] of FEATURES.entries()) {
      if (read.block.found[row] !== 1) continue;
      const expected = Buffer.from(int64Bytes((seconds - TIME) * 10 + feature)).toString('hex');
      const value = read.block.valueAt(row, feature);
      assert.equal(Buffer.from(value ?? []).toString('hex'), expected, `driver ${id}, feature ${feature}`);
    }
    return seconds;
  });
}

function readOf(of: OnlineTable, ids: readonly number[]) {
  const keys = ids.map((id) => serializeEntityKey(driverKey(id)));
  return { table: of, keys, features: FEATURES, block: new RowBlock(ids.length, FEATURES.length) };
}
