import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compareTimes } from '../../../src/stores/compare-times.ts';
import { formatEventTime, isPlainEventTime } from '../../../src/stores/dynamodb/dynamodb-layout.ts';
import type { DynamoDBOnlineStore } from '../../../src/stores/dynamodb/dynamodb-online-store.ts';
import type { OnlineRow, WriteOptions } from '../../../src/stores/online-store.ts';
import { RawDynamo } from '../../support/dynamodb-items.ts';
import { type DynamoProxy, refusal, startDynamoProxy } from '../../support/dynamodb-proxy.ts';
import { sharedDynamoServer } from '../../support/dynamodb-server.ts';
import { openDynamoStore, useFreshDatabase } from '../../support/dynamodb-store.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { changeOf, driverRow, int64Bytes, storedDriver, storeErrorOf } from '../../support/store-rows.ts';

const table = tableWith('p', 'stats', ['driver_id'], ['trips']);
/** 2026-01-10T08:00:00Z. */
const EIGHT = 1_768_032_000;
const hex = (value: number): string => Buffer.from(int64Bytes(value)).toString('hex');

describe("the order of the texts of DynamoDB's times", () => {
  it('is that of the times, in every year, with and without a fraction', () => {
    const time = fc
      .record({
        seconds: fc.oneof(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), fc.integer({ min: -3, max: 3 })),
        micros: fc.oneof(fc.constantFrom(0, 1, 100_000, 999_999), fc.integer({ min: 0, max: 999_999 })),
      })
      .map(({ seconds, micros }) => ({ seconds, nanos: micros * 1000 }));
    fc.assert(
      fc.property(time, time, (a, b) => {
        const [first, second] = [formatEventTime(a), formatEventTime(b)];
        assert.ok(isPlainEventTime(first) && isPlainEventTime(second), `${first}, ${second}`);
        const order = first < second ? -1 : Number(first > second);
        assert.equal(order, Math.sign(compareTimes(a, b)), `${first}, ${second}`);
      }),
      { numRuns: 2000 },
    );
  });

  it('is not looked at where a text has another form', () => {
    for (const text of [
      '2026-01-10 08:00:00',
      '2026-01-10T08:00:00+00:00',
      '2026-01-10 10:00:00+02:00',
      '2026-01-10 08:00:00+00:00:30',
      '2026-01-10 08:00:00.123+00:00',
    ]) {
      assert.equal(isPlainEventTime(text), false, text);
    }
  });
});

describe('newest rows only in DynamoDB', () => {
  let proxy: DynamoProxy;
  let raw: RawDynamo;
  let store: DynamoDBOnlineStore;

  before(async function () {
    this.timeout(60_000);
    proxy = await startDynamoProxy((await sharedDynamoServer()).port);
  });

  after(() => proxy?.close());

  useFreshDatabase();

  beforeEach(async () => {
    raw = await RawDynamo.open((await sharedDynamoServer()).url);
    store = openDynamoStore(proxy.url);
    await store.update(changeOf({ tablesToKeep: [table] }));
    proxy.calls.length = 0;
  });

  afterEach(async () => {
    proxy.intervene(undefined);
    raw.close();
    await store.close();
  });

  const write = (rows: readonly OnlineRow[], options: WriteOptions = {}): Promise<void> =>
    store.onlineWriteBatch(table, rows, undefined, { newestOnly: true, ...options });

  /** Puts another text in the place of the time that is stored for driver 1. */
  const restamp = async (time: string): Promise<void> => {
    const [item] = await raw.scan('p.stats');
    await raw.put('p.stats', { ...item, event_ts: { S: time } });
  };

  it('takes a PutItem per entity, and nothing else; without it rows go in batches', async () => {
    const rows = [1, 2, 3, 2].map((id) => driverRow(id, EIGHT, { trips: id }));
    await write(rows);
    assert.deepEqual(
      proxy.calls.map(({ action }) => action),
      ['PutItem', 'PutItem', 'PutItem'],
    );
    proxy.calls.length = 0;
    await store.onlineWriteBatch(table, rows);
    assert.deepEqual(
      proxy.calls.map(({ action }) => action),
      ['BatchWriteItem'],
    );
  });

  it('writes a row that is as new as the stored one', async () => {
    await write([driverRow(1, EIGHT, { trips: 1 })]);
    await write([driverRow(1, EIGHT, { trips: 2 })]);
    assert.deepEqual(await storedDriver(store, table, 1), { seconds: EIGHT, trips: hex(2) });
  });

  // As Feast stores a time that has another zone than UTC.
  for (const [text, seconds] of [
    ['2026-01-10 09:00:00+02:00', EIGHT - 3600],
    ['2026-01-10 05:00:00-04:00', EIGHT + 3600],
    ['2026-01-10T07:00:00+00:00', EIGHT - 3600],
    ['2026-01-10T09:00:00+00:00', EIGHT + 3600],
    ['2026-01-10 08:00:00', EIGHT],
    ['2026-01-10 08:00:00.5+00:00', EIGHT + 0.5],
  ] as const) {
    it(`compares a stored time that reads ${text}`, async () => {
      await write([driverRow(1, EIGHT, { trips: 1 })]);
      await restamp(text);
      await write([driverRow(1, EIGHT, { trips: 2 })]);
      const trips = seconds > EIGHT ? hex(1) : hex(2);
      const shown = seconds > EIGHT ? Math.floor(seconds) : EIGHT;
      assert.deepEqual(await storedDriver(store, table, 1), { seconds: shown, trips });
    });
  }

  it('judges anew what was written while it compared', async () => {
    for (const [meanwhile, winner] of [
      [EIGHT - 60, 2],
      [EIGHT + 60, 3],
    ] as const) {
      await write([driverRow(1, EIGHT - 7200, { trips: 1 })]);
      await restamp('2026-01-10T07:00:00+00:00');
      proxy.intervene(async (call, forward) => {
        const isSecond = call.body.ConditionExpression === '#time = :seen';
        if (isSecond) {
          proxy.intervene(undefined);
          const other = openDynamoStore((await sharedDynamoServer()).url);
          await other.onlineWriteBatch(table, [driverRow(1, meanwhile, { trips: 3 })]);
          await other.close();
        }
        return forward();
      });
      await write([driverRow(1, EIGHT, { trips: 2 })]);
      const seconds = Math.max(EIGHT, meanwhile);
      assert.deepEqual(await storedDriver(store, table, 1), { seconds, trips: hex(winner) });
      await store.onlineWriteBatch(table, [driverRow(1, 0, { trips: 0 })]);
    }
  });

  it('writes a row whose older item went away while it compared', async () => {
    await write([driverRow(1, EIGHT, { trips: 1 })]);
    await restamp('2026-01-10T07:00:00+00:00');
    proxy.intervene(async (call, forward) => {
      if (call.body.ConditionExpression === '#time = :seen') {
        proxy.intervene(undefined);
        await raw.send('DeleteItem', { TableName: 'p.stats', Key: idOf(call.body.Item) });
      }
      return forward();
    });
    await write([driverRow(1, EIGHT, { trips: 2 })]);
    assert.deepEqual(await storedDriver(store, table, 1), { seconds: EIGHT, trips: hex(2) });
  });

  it('fails on a stored time that is none', async () => {
    await write([driverRow(1, EIGHT, { trips: 1 })]);
    await restamp('yesterday');
    const error = await storeErrorOf(write([driverRow(1, EIGHT, { trips: 2 })]), 'STORE_CORRUPT');
    assert.match(error.message, /event_ts of an item in p\.stats is not a time/);
    assert.doesNotMatch(error.describe(), /yesterday/);
  });

  it('has so many requests under way, tries again what is throttled, and fails at the deadline', async () => {
    const rows = Array.from({ length: 30 }, (_, id) => driverRow(id, EIGHT, { trips: id }));
    let left = 3;
    proxy.intervene((_call, forward) => {
      return left-- > 0 ? Promise.resolve(refusal('ProvisionedThroughputExceededException')) : forward();
    });
    await write(rows);
    assert.equal(proxy.calls.length, 33);
    assert.ok(proxy.mostAtOnce <= 10, `${proxy.mostAtOnce} at once`);
    assert.deepEqual(await storedDriver(store, table, 29), { seconds: EIGHT, trips: hex(29) });
    proxy.intervene(async () => refusal('ThrottlingException'));
    await storeErrorOf(write(rows, { deadline: Date.now() + 300 }), 'STORE_UNAVAILABLE');
    proxy.intervene(() => new Promise(() => {}));
    await storeErrorOf(write(rows, { deadline: Date.now() + 100 }), 'STORE_TIMEOUT');
  });
});

function idOf(item: unknown): object {
  const { entity_id } = item as { readonly entity_id: object };
  return { entity_id };
}
