import assert from 'node:assert/strict';
import { serializeEntityKey } from '../../../src/encoding/entity-key.ts';
import type { DynamoDBOnlineStore } from '../../../src/stores/dynamodb/dynamodb-online-store.ts';
import type { OnlineTable, TableRead } from '../../../src/stores/online-store.ts';
import { RowBlock } from '../../../src/stores/row-block.ts';
import { type DynamoProxy, startDynamoProxy } from '../../support/dynamodb-proxy.ts';
import { sharedDynamoServer } from '../../support/dynamodb-server.ts';
import { openDynamoStore, useFreshDatabase } from '../../support/dynamodb-store.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { changeOf, driverKey, driverRow, int64Bytes, storeErrorOf } from '../../support/store-rows.ts';

const stats = tableWith('p', 'stats', ['driver_id'], ['trips', 'rate', 'größe']);
const orders = tableWith('p', 'orders', ['driver_id'], ['amount']);

interface RequestedTable {
  readonly Keys: readonly object[];
  readonly ConsistentRead: boolean;
  readonly ProjectionExpression?: string;
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>;
}

describe('what the DynamoDB store asks for', () => {
  let proxy: DynamoProxy;
  let store: DynamoDBOnlineStore;

  before(async function () {
    this.timeout(60_000);
    proxy = await startDynamoProxy((await sharedDynamoServer()).port);
  });

  after(() => proxy?.close());

  useFreshDatabase();

  const open = async (config: object = {}): Promise<void> => {
    store = openDynamoStore(proxy.url, { config: { ...config } });
    await store.update(changeOf({ tablesToKeep: [stats, orders] }));
    const rows = Array.from({ length: 30 }, (_, id) =>
      driverRow(id, 100 + id, { trips: id, rate: 2 * id, größe: 3 * id }),
    );
    await store.onlineWriteBatch(stats, rows);
    await store.onlineWriteBatch(orders, [driverRow(1, 200, { amount: 5 })]);
    proxy.calls.length = 0;
  };

  afterEach(async () => {
    proxy.intervene(undefined);
    await store.close();
  });

  const requests = () => proxy.calls.map(({ body }) => body.RequestItems as Readonly<Record<string, RequestedTable>>);

  it('is one request for several views, each item once, the features asked for and no others', async () => {
    await open();
    const read = readOf(stats, [1, 2, 1], ['größe', 'trips']);
    const again = readOf(stats, [3], ['rate']);
    const other = readOf(orders, [1, 9], ['amount']);
    await store.readMany([read, again, other]);
    const [request, ...more] = requests();
    assert.deepEqual(more, []);
    assert.deepEqual(Object.keys(request ?? {}), ['p.stats', 'p.orders']);
    const { 'p.stats': ofStats, 'p.orders': ofOrders } = request ?? {};
    assert.equal(ofStats?.Keys.length, 3);
    assert.equal(ofStats?.ConsistentRead, false);
    // All that the view has is asked for, if by two readers.
    assert.equal(ofStats?.ProjectionExpression, undefined);
    assert.equal(ofOrders?.Keys.length, 2);
    assert.deepEqual(valuesOf(read), [
      [hex(3), hex(1)],
      [hex(6), hex(2)],
      [hex(3), hex(1)],
    ]);
    assert.deepEqual(valuesOf(again), [[hex(6)]]);
    assert.deepEqual(valuesOf(other), [[hex(5)], [undefined]]);
    assert.deepEqual([...other.block.found], [1, 0]);
  });

  it('is a projection where a view has more, and the time alone where nothing is asked for', async () => {
    await open();
    const some = readOf(stats, [1], ['größe']);
    await store.readMany([some]);
    const none = readOf(stats, [1], []);
    await store.readMany([none]);
    assert.deepEqual(
      requests().map(({ 'p.stats': table }) => [table?.ProjectionExpression, table?.ExpressionAttributeNames]),
      [
        ['#e,#t,#v.#0', { '#e': 'entity_id', '#t': 'event_ts', '#v': 'values', '#0': 'größe' }],
        ['#e,#t', { '#e': 'entity_id', '#t': 'event_ts' }],
      ],
    );
    assert.deepEqual(valuesOf(some), [[hex(3)]]);
    assert.deepEqual(none.block.timestampAt(0), { seconds: 101, nanos: 0 });
  });

  it('is everything where the names of the features are too many for an expression', async () => {
    await open();
    const names = Array.from({ length: 700 }, (_, n) => `f${n}`);
    const wide = tableWith('p', 'wide', ['driver_id'], [...names, 'rest']);
    await store.update(changeOf({ tablesToKeep: [wide] }));
    const values = Object.fromEntries([...names, 'rest'].map((name, n) => [name, n]));
    await store.onlineWriteBatch(wide, [driverRow(1, 100, values)]);
    const read = readOf(wide, [1], names);
    await store.readMany([read]);
    assert.deepEqual(valuesOf(read), [names.map((_, n) => hex(n))]);
  });

  it('is parts of a size, so many at the same time', async () => {
    await open({ batch_size: 4, max_read_workers: 3, consistent_reads: true });
    const read = readOf(
      stats,
      Array.from({ length: 29 }, (_, id) => id),
      ['trips'],
    );
    proxy.intervene(async (_, forward) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return forward();
    });
    await store.readMany([read, readOf(orders, [1, 2], ['amount'])]);
    const sizes = requests().map((tables) => Object.values(tables).reduce((sum, { Keys }) => sum + Keys.length, 0));
    assert.deepEqual(sizes.sort(), [3, 4, 4, 4, 4, 4, 4, 4]);
    assert.ok(requests().every((tables) => Object.values(tables).every(({ ConsistentRead }) => ConsistentRead)));
    assert.equal(proxy.mostAtOnce, 3);
    assert.deepEqual(
      valuesOf(read),
      Array.from({ length: 29 }, (_, id) => [hex(id)]),
    );
  });

  it('waits for a connection, in a line that is not too long', async () => {
    await open();
    await store.close();
    store = openDynamoStore(proxy.url, {
      config: { max_pool_connections: 2 },
      settings: { max_queued_requests: 1 },
    });
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    proxy.intervene(async (_, forward) => {
      await held;
      return forward();
    });
    const read = (options = {}) => store.onlineRead(stats, [driverKey(1)], ['trips'], options);
    const waiting = [read(), read()];
    while (proxy.calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    // The third waits until its caller does not want to any more, and leaves its place to the next.
    await storeErrorOf(read({ deadline: Date.now() + 30 }), 'STORE_TIMEOUT');
    waiting.push(read());
    const error = await storeErrorOf(read(), 'STORE_OVERLOADED');
    assert.match(error.describe(), /2 requests to DynamoDB are under way and 1 wait.*max_pool_connections/s);
    answer();
    for (const [row] of await Promise.all(waiting)) assert.equal(row?.eventTimestamp.seconds, 101);
    assert.ok(proxy.open <= 2, `${proxy.open} connections`);
  });

  it('closes while requests wait', async () => {
    await open({ max_pool_connections: 1 });
    proxy.intervene(() => new Promise(() => {}));
    const calls = [1, 2].map((id) => storeErrorOf(store.onlineRead(stats, [driverKey(id)]), 'STORE_CLOSED'));
    while (proxy.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await store.close();
    await Promise.all(calls);
  });

  it('is whether DynamoDB answers, of a table that was read from or else of no table', async () => {
    await open();
    await store.ping();
    await store.onlineRead(stats, [driverKey(1)]);
    await store.ping();
    assert.deepEqual(
      proxy.calls.map(({ action }) => action),
      ['ListTables', 'BatchGetItem', 'BatchGetItem'],
    );
    // A table that went away does not take the store with it.
    await store.teardown([stats], []);
    await store.ping();
    await store.ping();
    assert.equal(proxy.calls.at(-1)?.action, 'ListTables');
  });
});

function readOf(table: OnlineTable, drivers: readonly number[], features: readonly string[]): TableRead {
  const keys = drivers.map((id) => serializeEntityKey(driverKey(id)));
  return { table, keys, features, block: new RowBlock(keys.length, features.length) };
}

function valuesOf({ block, features }: TableRead): unknown {
  return Array.from({ length: block.rows }, (_, row) =>
    features.map((_name, feature) => {
      const value = block.valueAt(row, feature);
      return value && Buffer.from(value).toString('hex');
    }),
  );
}

function hex(value: number): string {
  return Buffer.from(int64Bytes(value)).toString('hex');
}
