import assert from 'node:assert/strict';
import type { DynamoDBOnlineStore } from '../../../src/stores/dynamodb/dynamodb-online-store.ts';
import type { CallOptions } from '../../../src/stores/online-store.ts';
import {
  type DynamoProxy,
  type ProxiedCall,
  processOnly,
  refusal,
  startDynamoProxy,
} from '../../support/dynamodb-proxy.ts';
import { sharedDynamoServer } from '../../support/dynamodb-server.ts';
import { openDynamoStore, useFreshDatabase } from '../../support/dynamodb-store.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { changeOf, driverKey, driverRow, int64Bytes, storeErrorOf } from '../../support/store-rows.ts';

const table = tableWith('p', 'stats', ['driver_id'], ['trips']);
const other = tableWith('p', 'orders', ['driver_id'], ['trips']);
const ids = Array.from({ length: 10 }, (_, id) => id);

describe('the DynamoDB store when DynamoDB throttles', () => {
  let proxy: DynamoProxy;
  let store: DynamoDBOnlineStore;

  before(async function () {
    this.timeout(60_000);
    proxy = await startDynamoProxy((await sharedDynamoServer()).port);
  });

  after(() => proxy?.close());

  useFreshDatabase();

  const open = (settings: object = {}, config: object = {}): void => {
    store = openDynamoStore(proxy.url, { config: { ...config }, settings: { ...settings } });
  };

  const fill = async (): Promise<void> => {
    await store.update(changeOf({ tablesToKeep: [table, other] }));
    await store.onlineWriteBatch(
      table,
      ids.map((id) => driverRow(id, 100 + id, { trips: id })),
    );
    proxy.calls.length = 0;
  };

  afterEach(async () => {
    proxy.intervene(undefined);
    await store.close();
  });

  const read = (options: CallOptions = {}) => store.onlineRead(table, ids.map(driverKey), undefined, options);
  const isRead = ({ action }: ProxiedCall): boolean => action === 'BatchGetItem';

  const assertWhole = (rows: Awaited<ReturnType<typeof read>>): void => {
    assert.deepEqual(
      rows.map((row) => [row?.eventTimestamp.seconds, hex(row?.values.get('trips'))]),
      ids.map((id) => [100 + id, hex(int64Bytes(id))]),
    );
  };

  it('asks again for keys that were left unprocessed, and for no others', async () => {
    open();
    await fill();
    proxy.intervene((call, forward) => (isRead(call) ? processOnly(4, call, forward) : forward()));
    assertWhole(await read());
    assert.deepEqual(
      proxy.calls.map(({ body }) => keysIn(body)),
      [10, 6, 2],
    );
  });

  it('never says that an unprocessed key is not there: it fails before the deadline', async () => {
    open();
    await fill();
    proxy.intervene((call, forward) => processOnly(keysIn(call.body) > 3 ? 7 : 0, call, forward));
    const deadline = Date.now() + 600;
    const error = await storeErrorOf(read({ deadline }), 'STORE_UNAVAILABLE');
    assert.ok(Date.now() <= deadline + 50);
    assert.match(
      error.message,
      /throttled until there was no time left, with 3 of 10 items left unprocessed \(p\.stats\)/,
    );
    assert.match(error.hint ?? '', /capacity/);
    // Pauses grow: a handful of requests, and no storm of them.
    assert.ok(proxy.calls.length >= 3 && proxy.calls.length <= 12, `${proxy.calls.length} requests`);
  });

  it('gives up after a limit of its own where the caller has none', async () => {
    open({ retry_limit_ms: 300 });
    await fill();
    proxy.intervene((call, forward) => processOnly(0, call, forward));
    const started = Date.now();
    await storeErrorOf(read(), 'STORE_UNAVAILABLE');
    assert.ok(Date.now() - started < 1500);
  });

  it('stops asking when its caller goes away', async () => {
    open();
    await fill();
    const caller = new AbortController();
    proxy.intervene((call, forward) => {
      setTimeout(() => caller.abort(), 20);
      return processOnly(0, call, forward);
    });
    await storeErrorOf(read({ signal: caller.signal }), 'STORE_TIMEOUT');
  });

  for (const name of ['ProvisionedThroughputExceededException', 'ThrottlingException', 'RequestLimitExceeded']) {
    it(`tries again after ${name}, as often as there is time`, async () => {
      open();
      await fill();
      let left = 5;
      proxy.intervene((_, forward) => (left-- > 0 ? Promise.resolve(refusal(name)) : forward()));
      assertWhole(await read());
      assert.equal(proxy.calls.length, 6);
    });
  }

  it('fails when it is throttled until the deadline', async () => {
    open();
    await fill();
    proxy.intervene(async () => refusal('ProvisionedThroughputExceededException'));
    const error = await storeErrorOf(read({ deadline: Date.now() + 300 }), 'STORE_UNAVAILABLE');
    assert.match(error.message, /throttled until there was no time left, reading 10 items \(p\.stats\)/);
  });

  it('asks for parts of a large request that were left, each by itself', async () => {
    open({}, { batch_size: 4 });
    await fill();
    proxy.intervene((call, forward) => processOnly(3, call, forward));
    assertWhole(await read());
    assert.equal(
      proxy.calls.reduce((sum, { body }) => sum + keysIn(body), 0),
      ids.length + 2,
    );
  });

  it('sends items again that were left unwritten', async () => {
    open();
    await fill();
    proxy.intervene(async (call, forward) => {
      const puts = (call.body.RequestItems as Record<string, object[]>)['p.orders'] ?? [];
      await forward({ RequestItems: { 'p.orders': puts.slice(0, 4) } });
      const left = puts.slice(4);
      return { status: 200, body: { UnprocessedItems: left.length === 0 ? {} : { 'p.orders': left } } };
    });
    let written = 0;
    const rows = ids.map((id) => driverRow(id, 100 + id, { trips: id }));
    await store.onlineWriteBatch(other, rows, (count) => {
      written += count;
    });
    assert.equal(written, rows.length);
    assert.equal(proxy.calls.length, 3);
    proxy.intervene(undefined);
    assertWhole(await store.onlineRead(other, ids.map(driverKey)));
  });

  it('fails when items stay unwritten', async () => {
    open();
    await fill();
    proxy.intervene(async (call) => ({
      status: 200,
      body: { UnprocessedItems: call.body.RequestItems },
    }));
    const write = store.onlineWriteBatch(table, [driverRow(1, 1, { trips: 1 })], undefined, {
      deadline: Date.now() + 200,
    });
    const error = await storeErrorOf(write, 'STORE_UNAVAILABLE');
    assert.match(error.message, /1 of 1 items left unprocessed \(p\.stats\)/);
  });

  describe('and when DynamoDB fails', () => {
    it('does not show its caller one failure', async () => {
      open();
      await fill();
      let failures = 2;
      proxy.intervene((_, forward) =>
        failures-- > 0 ? Promise.resolve(refusal('InternalServerError', 'oh', 500)) : forward(),
      );
      assertWhole(await read());
      assert.equal(proxy.calls.length, 3);
    });

    for (const [attempts, config] of [
      [3, {}],
      [1, { total_max_retry_attempts: 1 }],
    ] as const) {
      it(`tells its caller after ${attempts} in a row: nothing but the store repeats requests`, async () => {
        open({}, config);
        await fill();
        proxy.intervene(async () => refusal('InternalServerError', 'oh', 500));
        const error = await storeErrorOf(read(), 'STORE_UNAVAILABLE');
        assert.match(error.message, /failed \(InternalServerError, HTTP status 500\)/);
        assert.equal(proxy.calls.length, attempts);
      });
    }
  });
});

function keysIn(body: ProxiedCall['body']): number {
  const tables = Object.values(body.RequestItems as Record<string, { readonly Keys?: readonly object[] }>);
  return tables.reduce((sum, { Keys = [] }) => sum + Keys.length, 0);
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString('hex');
}
