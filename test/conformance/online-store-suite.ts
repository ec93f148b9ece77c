import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import {
  type CallOptions,
  type EntityKey,
  EntityKeySchema,
  type OnlineRow,
  type OnlineStore,
  type OnlineTable,
  RowBlock,
  type StoredRow,
  type StoreError,
  type StoreErrorCode,
  serializeEntityKey,
  type Value,
  ValueSchema,
  ValueType_Enum,
} from '../../src/stores/index.ts';

/** What the suite needs to know of a store. */
export interface OnlineStoreHarness {
  /** Opens a store on storage that holds nothing. Called before every test; the suite closes what it opened. */
  open(): Promise<OnlineStore>;
  /** Removes that storage, after the store was closed. */
  dispose?(): Promise<void>;
}

/**
 * The conformance suite: what every online store must do, whatever it stores in. Call it at the top level of a mocha test
 * file. A store that declares an ability is tested for it; one that does not is tested for not having it half.
 */
export function describeOnlineStore(name: string, harness: OnlineStoreHarness): void {
  describe(`${name} as an online store`, () => {
    let store: OnlineStore;

    beforeEach(async () => {
      store = await harness.open();
      await apply(store, [drivers, orders, pairs, totals]);
    });

    afterEach(async () => {
      await store.close();
      await harness.dispose?.();
    });

    describe('reading and writing', () => {
      it('gives back what was written, value bytes and event time', async () => {
        const row = rowOf(driver(1), { rate: double(0.5), trips: int64(3n), city: text('Zürich') }, 1_768_032_000);
        await store.onlineWriteBatch(drivers, [row]);
        assert.deepEqual(await readRows(store, drivers, [driver(1)]), [plainRow(row)]);
      });

      it('answers in the order of the keys, with nothing where there is no row', async () => {
        const rows = [1, 2, 3].map((id) => rowOf(driver(id), { trips: int64(BigInt(id)) }, 1_768_032_000 + id));
        await store.onlineWriteBatch(drivers, rows);
        const read = await readRows(store, drivers, [driver(3), driver(99), driver(1), driver(2)], ['trips']);
        const [one, two, three] = rows.map(plainRow);
        assert.deepEqual(read, [three, undefined, one, two]);
      });

      it('answers a key as often as it is asked for', async () => {
        const row = rowOf(driver(1), { trips: int64(1n) });
        await store.onlineWriteBatch(drivers, [row]);
        const read = await readRows(store, drivers, [driver(1), driver(2), driver(1)], ['trips']);
        assert.deepEqual(read, [plainRow(row), undefined, plainRow(row)]);
      });

      it('gives only the features that were asked for', async () => {
        await store.onlineWriteBatch(drivers, [
          rowOf(driver(1), { rate: double(1), trips: int64(2n), city: text('a') }),
        ]);
        const [row] = await readRows(store, drivers, [driver(1)], ['city', 'rate']);
        assert.deepEqual(row?.values, { city: hex(text('a')), rate: hex(double(1)) });
      });

      it('tells a stored null from a feature that is not stored', async () => {
        await store.onlineWriteBatch(drivers, [rowOf(driver(1), { rate: new Uint8Array(), trips: int64(2n) })]);
        const [row] = await readRows(store, drivers, [driver(1)]);
        assert.deepEqual(row?.values, { rate: '', trips: hex(int64(2n)) });
      });

      it('knows a row that holds none of the features asked for, and its time', async () => {
        await store.onlineWriteBatch(drivers, [rowOf(driver(1), { trips: int64(2n) }, 1_768_032_000)]);
        const [row] = await readRows(store, drivers, [driver(1)], ['city']);
        assert.deepEqual(row, { seconds: 1_768_032_000, values: {} });
      });

      it('does nothing for an empty batch and answers no keys with no rows', async () => {
        await store.onlineWriteBatch(drivers, []);
        assert.deepEqual(await store.onlineRead(drivers, []), []);
      });

      it('keeps keys of several parts apart, whatever the order of their parts', async () => {
        const row = rowOf(keyOf({ user: text('a'), shop: int64(1n) }), { amount: double(5) });
        await store.onlineWriteBatch(pairs, [row]);
        const read = await readRows(store, pairs, [
          keyOf({ shop: int64(1n), user: text('a') }),
          keyOf({ shop: int64(2n), user: text('a') }),
        ]);
        assert.deepEqual(read, [plainRow(row), undefined]);
      });

      it('keeps keys of different types apart', async () => {
        await store.onlineWriteBatch(drivers, [rowOf(keyOf({ driver_id: int64(1n) }), { trips: int64(1n) })]);
        const others = [keyOf({ driver_id: int32(1) }), keyOf({ driver_id: text('1') })];
        assert.deepEqual(await readRows(store, drivers, others), [undefined, undefined]);
      });

      it('serves a view without entities', async () => {
        const row = rowOf(keyOf({ __dummy_id: text('') }), { total: int64(7n) });
        await store.onlineWriteBatch(totals, [row]);
        assert.deepEqual(await readRows(store, totals, [keyOf({ __dummy_id: text('') })]), [plainRow(row)]);
      });

      it('keeps views on the same keys apart', async () => {
        const ofDriver = rowOf(driver(1), { trips: int64(1n) }, 1_768_032_000);
        const ofOrders = rowOf(driver(1), { trips: int64(2n) }, 1_768_032_060);
        await store.onlineWriteBatch(drivers, [ofDriver]);
        await store.onlineWriteBatch(orders, [ofOrders]);
        assert.deepEqual(await readRows(store, drivers, [driver(1)]), [plainRow(ofDriver)]);
        assert.deepEqual(await readRows(store, orders, [driver(1)]), [plainRow(ofOrders)]);
      });

      it('keeps projects apart', async () => {
        const elsewhere: OnlineTable = { ...drivers, project: 'another_project' };
        await apply(store, [elsewhere]);
        await store.onlineWriteBatch(elsewhere, [rowOf(driver(1), { trips: int64(9n) })]);
        assert.deepEqual(await readRows(store, drivers, [driver(1)]), [undefined]);
      });

      it('holds names and keys in any script, quotes and wildcards included', async () => {
        const names = ['größe', '数量', "it's", 'a"b', 'per%', 'x*?[y]\\z'];
        const table = tableOf('ansicht_😀', ['ключ'], names);
        await apply(store, [table]);
        const rows = ['Łódź', '𝒳', "'; DROP TABLE x; --", '*', ''].map((key, index) =>
          rowOf(keyOf({ ключ: text(key) }), Object.fromEntries(names.map((each) => [each, text(`${each}${index}`)]))),
        );
        await store.onlineWriteBatch(table, rows);
        const read = await readRows(
          store,
          table,
          rows.map((row) => row.entityKey),
        );
        assert.deepEqual(read, rows.map(plainRow));
      });

      it('holds a value of a megabyte', async () => {
        const row = rowOf(driver(1), { city: text('x'.repeat(1 << 20)) });
        await store.onlineWriteBatch(drivers, [row]);
        assert.deepEqual(await readRows(store, drivers, [driver(1)]), [plainRow(row)]);
      });

      it('writes and reads a batch of thousands, and says how far it is', async () => {
        const rows = Array.from({ length: 2500 }, (_, id) => rowOf(driver(id), { trips: int64(BigInt(id)) }));
        let finished = 0;
        await store.onlineWriteBatch(drivers, rows, (count) => {
          finished += count;
        });
        assert.equal(finished, rows.length);
        const read = await readRows(
          store,
          drivers,
          rows.map((row) => row.entityKey),
          ['trips'],
        );
        assert.deepEqual(read, rows.map(plainRow));
      });
    });

    describe('writing again', () => {
      it('replaces the values of a newer row and keeps features that it does not have', async () => {
        await store.onlineWriteBatch(drivers, [rowOf(driver(1), { rate: double(1), trips: int64(1n) }, 1_768_032_000)]);
        await store.onlineWriteBatch(drivers, [rowOf(driver(1), { trips: int64(2n) }, 1_768_032_060)]);
        const [row] = await readRows(store, drivers, [driver(1)]);
        assert.deepEqual(row?.values, { rate: hex(double(1)), trips: hex(int64(2n)) });
      });

      it('lets an older row win only where the store does not keep the newest', async () => {
        await store.onlineWriteBatch(drivers, [rowOf(driver(1), { trips: int64(1n) }, 1_768_032_060)]);
        await store.onlineWriteBatch(drivers, [rowOf(driver(1), { trips: int64(2n) }, 1_768_032_000)]);
        const [row] = await readRows(store, drivers, [driver(1)]);
        const expected = store.capabilities.keepsNewest ? int64(1n) : int64(2n);
        assert.deepEqual(row?.values, { trips: hex(expected) });
      });

      it('judges two rows of one batch as it would judge two batches', async () => {
        const newer = rowOf(driver(1), { trips: int64(1n) }, 1_768_032_060);
        const older = rowOf(driver(1), { trips: int64(2n) }, 1_768_032_000);
        await store.onlineWriteBatch(drivers, [newer, older]);
        const expected = store.capabilities.keepsNewest ? newer : older;
        assert.deepEqual(await readRows(store, drivers, [driver(1)]), [plainRow(expected)]);
      });

      it('replaces a value by a null', async () => {
        await store.onlineWriteBatch(drivers, [rowOf(driver(1), { trips: int64(1n) }, 1_768_032_000)]);
        await store.onlineWriteBatch(drivers, [rowOf(driver(1), { trips: new Uint8Array() }, 1_768_032_060)]);
        const [row] = await readRows(store, drivers, [driver(1)]);
        assert.deepEqual(row?.values, { trips: '' });
      });
    });

    describe('updating and tearing down', () => {
      it('keeps rows when the same tables are applied again', async () => {
        const row = rowOf(driver(1), { trips: int64(1n) });
        await store.onlineWriteBatch(drivers, [row]);
        await apply(store, [drivers, orders]);
        assert.deepEqual(await readRows(store, drivers, [driver(1)]), [plainRow(row)]);
      });

      it('removes the rows of a deleted table and of no other, as often as it is told to', async () => {
        const kept = rowOf(driver(1), { trips: int64(2n) });
        await store.onlineWriteBatch(drivers, [rowOf(driver(1), { trips: int64(1n) }), rowOf(driver(2), {})]);
        await store.onlineWriteBatch(orders, [kept]);
        for (let time = 0; time < 2; time++) await remove(store, [drivers], true);
        await apply(store, [drivers]);
        assert.deepEqual(await readRows(store, drivers, [driver(1)]), [undefined]);
        assert.deepEqual(await readRows(store, orders, [driver(1)]), [plainRow(kept)]);
      });

      it('removes everything that is torn down, and nothing else', async () => {
        const kept = rowOf(keyOf({ user: text('a'), shop: int64(1n) }), { amount: double(5) });
        await store.onlineWriteBatch(drivers, [rowOf(driver(1), { trips: int64(1n) })]);
        await store.onlineWriteBatch(pairs, [kept]);
        for (let time = 0; time < 2; time++) await store.teardown([drivers, orders], []);
        await apply(store, [drivers]);
        assert.deepEqual(await readRows(store, drivers, [driver(1)]), [undefined]);
        assert.deepEqual(await readRows(store, pairs, [kept.entityKey]), [plainRow(kept)]);
      });

      it('tears down a table that was never applied', async () => {
        await store.teardown([tableOf('never_seen', ['driver_id'], ['x'])], []);
      });
    });

    describe('limits', () => {
      const calls: readonly (readonly [string, (options: CallOptions) => Promise<unknown>])[] = [
        ['ping', (options) => store.ping(options)],
        ['onlineRead', (options) => store.onlineRead(drivers, [driver(1)], undefined, options)],
        [
          'onlineWriteBatch',
          (options) => store.onlineWriteBatch(drivers, [rowOf(driver(1), { trips: int64(1n) })], undefined, options),
        ],
      ];

      for (const [method, call] of calls) {
        it(`starts no ${method} behind the deadline`, async () => {
          await rejectsWith('STORE_TIMEOUT', () => call({ deadline: Date.now() - 1 }));
        });

        it(`starts no ${method} for a caller that went away`, async () => {
          await rejectsWith('STORE_TIMEOUT', () => call({ signal: AbortSignal.abort() }));
        });

        it(`refuses ${method} once it is closed`, async () => {
          await store.close();
          await rejectsWith('STORE_CLOSED', () => call({}));
        });
      }

      it('answers within a deadline that lies ahead', async () => {
        await store.ping({ deadline: Date.now() + 30_000, signal: new AbortController().signal });
      });

      it('may be closed twice', async () => {
        await store.close();
        await store.close();
      });

      it('refuses a key of a type that has no serialization', async () => {
        const key = keyOf({ driver_id: double(1.5) });
        await rejectsWith('STORE_INVALID_ROW', () =>
          store.onlineWriteBatch(drivers, [rowOf(key, { trips: int64(1n) })]),
        );
        await rejectsWith('STORE_INVALID_ROW', () => store.onlineRead(drivers, [key]));
      });
    });

    describe('several tables in one call', () => {
      it('has readMany exactly when it declares it', () => {
        assert.equal(typeof store.readMany === 'function', store.capabilities.readMany);
      });

      it('reads with readMany what onlineRead reads', async () => {
        if (store.readMany === undefined) return;
        await store.onlineWriteBatch(drivers, [
          rowOf(driver(1), { rate: double(1), trips: int64(1n) }, 1_768_032_000),
          rowOf(driver(2), { rate: new Uint8Array() }, 1_768_032_001),
        ]);
        await store.onlineWriteBatch(orders, [rowOf(driver(2), { trips: int64(4n) }, 1_768_032_002)]);
        await store.onlineWriteBatch(totals, [rowOf(keyOf({ __dummy_id: text('') }), { total: int64(7n) })]);
        const keys = [driver(2), driver(3), driver(1), driver(2)];
        const asked = [
          { table: drivers, keys, features: ['trips', 'rate'] },
          { table: orders, keys, features: ['trips'] },
          { table: totals, keys: [keyOf({ __dummy_id: text('') })], features: ['total', 'unknown'] },
          { table: orders, keys: [driver(1)], features: [] },
        ];
        const reads = asked.map(({ table, keys: entityKeys, features }) => ({
          table,
          keys: entityKeys.map((key) => serializeEntityKey(key)),
          features,
          block: new RowBlock(entityKeys.length, features.length),
        }));
        await store.readMany(reads);
        for (const [index, { table, keys: entityKeys, features }] of asked.entries()) {
          const block = reads[index]?.block;
          assert.deepEqual(block && plainBlock(block, features), await readRows(store, table, entityKeys, features));
        }
      });

      it('reads nothing with readMany when nothing is asked', async () => {
        await store.readMany?.([]);
      });
    });
  });
}

const PROJECT = 'conformance';

const drivers = tableOf('driver_stats', ['driver_id'], ['rate', 'trips', 'city']);
const orders = tableOf('driver_orders', ['driver_id'], ['trips', 'amount']);
const pairs = tableOf('user_shop', ['user', 'shop'], ['amount']);
const totals = tableOf('totals', ['__dummy_id'], ['total', 'unknown']);

function tableOf(name: string, joinKeys: readonly string[], features: readonly string[]): OnlineTable {
  const typed = features.map((feature) => ({ name: feature, valueType: ValueType_Enum.STRING }));
  return { project: PROJECT, name, joinKeys, features: typed };
}

function apply(store: OnlineStore, tables: readonly OnlineTable[]): Promise<void> {
  return store.update({
    tablesToKeep: tables,
    tablesToDelete: [],
    entitiesToKeep: [],
    entitiesToDelete: [],
    partial: true,
  });
}

function remove(store: OnlineStore, tables: readonly OnlineTable[], partial: boolean): Promise<void> {
  return store.update({ tablesToKeep: [], tablesToDelete: tables, entitiesToKeep: [], entitiesToDelete: [], partial });
}

function rowOf(entityKey: EntityKey, values: Readonly<Record<string, Uint8Array>>, seconds = 1_768_032_000): OnlineRow {
  return { entityKey, values: new Map(Object.entries(values)), eventTimestamp: { seconds, nanos: 0 } };
}

function keyOf(parts: Readonly<Record<string, Uint8Array>>): EntityKey {
  const entityValues = Object.values(parts).map((bytes) => decoded.get(bytes) ?? create(ValueSchema));
  return create(EntityKeySchema, { joinKeys: Object.keys(parts), entityValues });
}

function driver(id: number): EntityKey {
  return keyOf({ driver_id: int64(BigInt(id)) });
}

// Values are handled as bytes, as the contract does; for entity keys the message is needed as well.
const decoded = new WeakMap<Uint8Array, Value>();

function valueBytes(val: Value['val']): Uint8Array {
  const message = create(ValueSchema, { val });
  const bytes = toBinary(ValueSchema, message);
  decoded.set(bytes, message);
  return bytes;
}

const int64 = (value: bigint): Uint8Array => valueBytes({ case: 'int64Val', value });
const int32 = (value: number): Uint8Array => valueBytes({ case: 'int32Val', value });
const double = (value: number): Uint8Array => valueBytes({ case: 'doubleVal', value });
const text = (value: string): Uint8Array => valueBytes({ case: 'stringVal', value });

/** A row in a form that compares well: whole seconds, values in hexadecimal. */
interface PlainRow {
  readonly seconds: number;
  readonly values: Readonly<Record<string, string>>;
}

async function readRows(
  store: OnlineStore,
  table: OnlineTable,
  keys: readonly EntityKey[],
  features?: readonly string[],
): Promise<(PlainRow | undefined)[]> {
  return (await store.onlineRead(table, keys, features)).map((row) => row && plainRow(row));
}

function plainRow(row: StoredRow | OnlineRow): PlainRow {
  const values = Object.fromEntries([...row.values].map(([name, value]) => [name, hex(value)]));
  return { seconds: row.eventTimestamp.seconds, values };
}

function plainBlock(block: RowBlock, features: readonly string[]): (PlainRow | undefined)[] {
  return Array.from({ length: block.rows }, (_, row) => {
    if (block.found[row] !== 1) return undefined;
    const cells = features.flatMap((name, column) => {
      const value = block.valueAt(row, column);
      return value === undefined ? [] : [[name, hex(value)]];
    });
    return { seconds: block.timestampAt(row).seconds, values: Object.fromEntries(cells) };
  });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

async function rejectsWith(code: StoreErrorCode, call: () => Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    // By name: a store outside this package may have been loaded with another copy of it.
    assert.equal((error as StoreError).name, 'StoreError', String(error));
    assert.equal((error as StoreError).code, code);
    return true;
  });
}
