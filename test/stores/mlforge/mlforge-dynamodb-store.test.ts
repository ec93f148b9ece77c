import assert from 'node:assert/strict';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { encodeValue } from '../../../src/encoding/value.ts';
import {
  MlforgeDynamodbOnlineStore,
  MlforgeDynamodbOnlineStoreConfig,
  MlforgeDynamodbOnlineStoreSettings,
} from '../../../src/stores/mlforge-dynamodb/mlforge-dynamodb-online-store.ts';
import type { OnlineTable } from '../../../src/stores/online-store.ts';
import { RawDynamo } from '../../support/dynamodb-items.ts';
import { type DynamoProxy, processOnly, refusal, startDynamoProxy } from '../../support/dynamodb-proxy.ts';
import { sharedDynamoServer } from '../../support/dynamodb-server.ts';
import { useFreshDatabase } from '../../support/dynamodb-store.ts';
import { changeOf, driverKey, driverRow, int64Bytes, storeErrorOf } from '../../support/store-rows.ts';

const table: OnlineTable = {
  project: 'p',
  name: 'user_spend',
  joinKeys: ['driver_id'],
  features: [{ name: 'trips', valueType: ValueType_Enum.INT64 }],
};
const other: OnlineTable = { ...table, name: 'user_spend_2' };

describe("the store of mlforge's DynamoDB table", () => {
  let proxy: DynamoProxy;
  let raw: RawDynamo | undefined;
  let store: MlforgeDynamodbOnlineStore;

  before(async function () {
    this.timeout(60_000);
    proxy = await startDynamoProxy((await sharedDynamoServer()).port);
  });

  after(() => proxy?.close());

  useFreshDatabase();

  beforeEach(() => {
    proxy.calls.length = 0;
  });

  afterEach(async () => {
    proxy.intervene(undefined);
    await store.close();
    raw?.close();
    raw = undefined;
  });

  const open = (config: object = {}, settings: object = {}): MlforgeDynamodbOnlineStore => {
    store = new MlforgeDynamodbOnlineStore(
      MlforgeDynamodbOnlineStoreConfig.parse({
        table_name: 'my-features',
        region: 'us-east-1',
        endpoint_url: proxy.url,
        ...config,
      }),
      { project: 'p', repoPath: '/', warn: () => {} },
      MlforgeDynamodbOnlineStoreSettings.parse(settings),
    );
    return store;
  };
  const apply = (): Promise<void> => store.update(changeOf({ tablesToKeep: [table] }));
  const write = (id: number, trips: number, into = table): Promise<void> =>
    store.onlineWriteBatch(into, [driverRow(id, 1, { trips })]);
  const read = async (...ids: number[]): Promise<(string | undefined)[]> => {
    const rows = await store.onlineRead(table, ids.map(driverKey));
    return rows.map((row) => row && hex(row.values.get('trips')));
  };
  const trips = (value: number): string => hex(int64Bytes(value)) ?? '';

  describe('makes the table', () => {
    it('as mlforge makes it, time to live included, and only where it is missing', async () => {
      open();
      await apply();
      await apply();
      const created = proxy.calls.filter(({ action }) => action === 'CreateTable');
      assert.equal(created.length, 1);
      assert.deepEqual(created[0]?.body, {
        TableName: 'my-features',
        KeySchema: [
          { AttributeName: 'entity_key', KeyType: 'HASH' },
          { AttributeName: 'feature_name', KeyType: 'RANGE' },
        ],
        AttributeDefinitions: [
          { AttributeName: 'entity_key', AttributeType: 'S' },
          { AttributeName: 'feature_name', AttributeType: 'S' },
        ],
        BillingMode: 'PAY_PER_REQUEST',
      });
      const expiry = proxy.calls.filter(({ action }) => action === 'UpdateTimeToLive').map(({ body }) => body);
      const TimeToLiveSpecification = { Enabled: true, AttributeName: 'ttl' };
      assert.deepEqual(expiry, [{ TableName: 'my-features', TimeToLiveSpecification }]);
    });

    it('with the first write, but never for a read', async () => {
      open();
      await storeErrorOf(read(1), 'STORE_TABLE_MISSING');
      await write(1, 5);
      await write(2, 6);
      assert.deepEqual(await read(1, 2), [trips(5), trips(6)]);
      assert.equal(proxy.calls.filter(({ action }) => action === 'CreateTable').length, 1);
    });

    it('not with auto_create off: it says what the table has to look like', async () => {
      open({ auto_create: false });
      for (const call of [apply, () => write(1, 5), () => store.ping()]) {
        const error = await storeErrorOf(call(), 'STORE_TABLE_MISSING');
        assert.match(error.describe(), /my-features.*entity_key \(String\).*feature_name \(String\).*ttl/s);
      }
      assert.ok(!proxy.calls.some(({ action }) => action === 'CreateTable'));
    });

    it('only where it may, and says what to grant or to do instead', async () => {
      for (const action of ['CreateTable', 'UpdateTimeToLive']) {
        proxy.intervene(async (call, forward) =>
          call.action === action ? refusal('AccessDeniedException', `not authorized to perform ${action}`) : forward(),
        );
        open({ table_name: `denied.${action}` });
        const error = await storeErrorOf(apply(), 'STORE_PERMISSION_DENIED');
        assert.match(error.message, new RegExp(`does not allow dynamodb:${action} on table denied\\.${action}`));
        assert.match(error.hint ?? '', /Grant dynamodb:CreateTable and dynamodb:UpdateTimeToLive.*auto_create: false/);
        assert.match(error.hint ?? '', /partition key entity_key \(String\).*sort key feature_name \(String\)/);
        await store.close();
      }
    });

    it('not in the place of one with other keys', async () => {
      raw = await RawDynamo.open(proxy.url);
      await raw.createTable('my-features');
      open();
      const error = await storeErrorOf(apply(), 'STORE_WRONG_LAYOUT');
      assert.match(error.describe(), /other keys than mlforge's.*entity_key/s);
    });
  });

  describe('reads', () => {
    it('each item once, and fills every place that asked for it', async () => {
      open();
      await write(1, 5);
      proxy.calls.length = 0;
      assert.deepEqual(await read(1, 2, 1, 1), [trips(5), undefined, trips(5), trips(5)]);
      assert.equal(proxy.calls.length, 1);
    });

    it('what DynamoDB left unprocessed again, and never takes it for missing', async () => {
      open();
      const ids = Array.from({ length: 120 }, (_, id) => id);
      await store.onlineWriteBatch(
        table,
        ids.map((id) => driverRow(id, 1, { trips: id })),
      );
      proxy.calls.length = 0;
      proxy.intervene((call, forward) => (call.action === 'BatchGetItem' ? processOnly(30, call, forward) : forward()));
      assert.deepEqual(await read(...ids), ids.map(trips));
      assert.equal(proxy.calls.length, 5);
      proxy.intervene((call, forward) => (call.action === 'BatchGetItem' ? processOnly(0, call, forward) : forward()));
      const late = store.onlineRead(table, [driverKey(1)], undefined, { deadline: Date.now() + 200 });
      const error = await storeErrorOf(late, 'STORE_UNAVAILABLE');
      assert.match(error.message, /throttled until there was no time left, with 1 of 1 items left unprocessed/);
    });

    it('no row that has expired, unless it is told to serve it as mlforge does', async () => {
      open();
      await apply();
      raw = await RawDynamo.open(proxy.url);
      const now = Math.floor(Date.now() / 1000);
      await write(1, 5);
      await write(2, 6);
      for (const item of await raw.scan('my-features')) {
        const isFirst = item.feature_values?.S === '{"trips": 5}';
        await raw.put('my-features', { ...item, ttl: { N: String(isFirst ? now - 10 : now + 600) } });
      }
      assert.deepEqual(await read(1, 2), [undefined, trips(6)]);
      await store.close();
      open({}, { expired_rows: 'serve' });
      assert.deepEqual(await read(1, 2), [trips(5), trips(6)]);
    });

    it('nothing that was not asked for, and no item of another layout', async () => {
      open();
      await write(1, 5);
      raw = await RawDynamo.open(proxy.url);
      const [item] = await raw.scan('my-features');
      proxy.intervene(async (_call, forward) => {
        const answer = await forward();
        const stranger = { ...item, feature_name: { S: 'stranger' } };
        return { ...answer, body: { Responses: { 'my-features': [stranger] } } };
      });
      await storeErrorOf(read(1), 'STORE_CORRUPT');
      proxy.intervene(undefined);
      await raw.put('my-features', { ...item, feature_values: { N: '5' } });
      await storeErrorOf(read(1), 'STORE_WRONG_LAYOUT');
      await raw.put('my-features', { ...item, feature_values: { S: 'trips' } });
      await storeErrorOf(read(1), 'STORE_CORRUPT');
      await raw.put('my-features', { ...item, feature_values: { S: '{"trips": 5.0}' } });
      await storeErrorOf(read(1), 'STORE_VALUE_MISMATCH');
    });
  });

  it('sends again what a batch of writes left unprocessed', async () => {
    open();
    await apply();
    let refused = 0;
    proxy.intervene(async (call, forward) => {
      if (call.action !== 'BatchWriteItem' || refused++ > 0) return forward();
      return { status: 200, body: { UnprocessedItems: call.body.RequestItems } };
    });
    await write(1, 5);
    assert.deepEqual(await read(1), [trips(5)]);
    assert.equal(refused, 2);
  });

  it('writes when rows expire only where they do', async () => {
    open({ ttl_seconds: 3600 });
    const before = Math.floor(Date.now() / 1000);
    await write(1, 5);
    raw = await RawDynamo.open(proxy.url);
    const [item] = await raw.scan('my-features');
    const expires = Number(item?.ttl?.N) - 3600;
    assert.ok(expires >= before && expires <= Date.now() / 1000);
  });

  it('removes the rows of a view and leaves the table, and those of views whose names go on', async () => {
    open();
    await write(1, 5);
    await write(1, 6, other);
    for (let time = 0; time < 2; time++) await store.teardown([table], []);
    assert.deepEqual(await read(1), [undefined]);
    const [kept] = await store.onlineRead(other, [driverKey(1)]);
    assert.equal(hex(kept?.values.get('trips')), trips(6));
    assert.ok(!proxy.calls.some(({ action }) => action === 'DeleteTable'));
  });

  it('refuses a row larger than an item may be, and a view whose name is not a sort key', async () => {
    open();
    const text = { ...table, features: [{ name: 'text', valueType: ValueType_Enum.STRING }] };
    const row = driverRow(1, 1, {});
    const large = { ...row, values: new Map([['text', encodeValue('x'.repeat(409_500), ValueType_Enum.STRING)]]) };
    const error = await storeErrorOf(store.onlineWriteBatch(text, [large]), 'STORE_INVALID_ROW');
    assert.match(error.message, /Row 0 of feature view "user_spend".*400 KB/);
    const named = { ...table, name: 'x'.repeat(1025) };
    await storeErrorOf(store.onlineWriteBatch(named, [row]), 'STORE_INVALID_ROW');
    await storeErrorOf(store.update(changeOf({ tablesToKeep: [named] })), 'STORE_INVALID_ROW');
  });

  it('says that no region is known', async () => {
    open({ region: null });
    const error = await storeErrorOf(store.ping(), 'STORE_UNAVAILABLE');
    assert.match(error.describe(), /no AWS region is known.*region.*AWS_REGION/s);
  });

  it('takes a refusal to look at the table for an answer to a ping', async () => {
    open();
    proxy.intervene(async () => refusal('AccessDeniedException', 'no'));
    await store.ping();
    const error = await storeErrorOf(read(1), 'STORE_PERMISSION_DENIED');
    assert.match(error.describe(), /dynamodb:BatchGetItem.*mlforge-dynamodb\.md/s);
  });
});

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString('hex');
}
