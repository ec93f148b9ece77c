import assert from 'node:assert/strict';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { parsePythonJson } from '../../../src/encoding/json-exact.ts';
import { jsonDocumentText } from '../../../src/encoding/python-text.ts';
import { encodeValue } from '../../../src/encoding/value.ts';
import {
  MlforgeRedisOnlineStore,
  MlforgeRedisOnlineStoreConfig,
} from '../../../src/stores/mlforge-redis/mlforge-redis-online-store.ts';
import type { OnlineTable } from '../../../src/stores/online-store.ts';
import { readGoldenLines } from '../../support/golden.ts';
import { keyOfTexts, type TypedRow, tableOfReadings, valueOfReading } from '../../support/mlforge-vectors.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { storeErrorOf } from '../../support/store-rows.ts';

interface RedisVector {
  readonly id: string;
  readonly feature_name: string;
  readonly entity_keys: Readonly<Record<string, string>>;
  readonly options: { readonly ttl?: number; readonly prefix?: string };
  readonly key: string;
  readonly value: string;
  readonly ttl_after_write: number;
  readonly read_typed: TypedRow;
}

const NO_INT64 = 'u64max';
const time = { seconds: 1_700_000_000, nanos: 0 };

describe("mlforge's rows in Redis", () => {
  let server: RedisServer;
  let store: MlforgeRedisOnlineStore;

  before(async () => {
    server = await startRedisServer();
  });

  after(() => server?.remove());

  beforeEach(() => server.client.flushall());

  afterEach(() => store?.close());

  const open = (options: RedisVector['options']): void => {
    const config = MlforgeRedisOnlineStoreConfig.parse({ ...options, host: '127.0.0.1', port: server.port });
    store = new MlforgeRedisOnlineStore(config, { project: 'p', repoPath: '/', warn: () => {} });
  };

  for (const vector of readGoldenLines<RedisVector>('mlforge', 'redis.jsonl')) {
    const key = keyOfTexts(vector.entity_keys);
    const row = Object.fromEntries(Object.entries(vector.read_typed).filter(([name]) => name !== NO_INT64));
    const table = tableOfReadings(vector.feature_name, Object.keys(vector.entity_keys), row);

    it(`are read as mlforge reads them: ${vector.id}`, async () => {
      open(vector.options);
      await server.client.set(vector.key, vector.value);
      const [read] = await store.onlineRead(table, [key]);
      assert.deepEqual(read?.eventTimestamp, { seconds: 0, nanos: 0 });
      const expected = Object.entries(row).map(([name, reading]) => [name, hex(valueOfReading(reading))]);
      assert.deepEqual(
        [...(read?.values ?? [])].map(([name, value]) => [name, hex(value)]),
        expected,
      );
    });

    it(`are written as mlforge writes them: ${vector.id}`, async () => {
      open(vector.options);
      // A plain SET ends an earlier time to live.
      await server.client.setex(vector.key, 5, 'old');
      const values = new Map(Object.entries(row).map(([name, reading]) => [name, valueOfReading(reading)]));
      await store.onlineWriteBatch(table, [{ entityKey: key, values, eventTimestamp: time }]);
      assert.deepEqual(await server.client.keys('*'), [vector.key]);
      const members = parsePythonJson(vector.value);
      assert.ok(members instanceof Map);
      assert.equal(jsonDocumentText(members, 'python-bare'), vector.value);
      members.delete(NO_INT64);
      assert.equal(await server.client.get(vector.key), jsonDocumentText(members, 'python-bare'));
      assert.equal(await server.client.ttl(vector.key), vector.ttl_after_write);
    });
  }

  it('are refused where a whole number is larger than the type of its feature', async () => {
    open({});
    await server.client.set(
      'mlforge:f:f5000db525980646',
      '{"i64max": 9223372036854775807, "u64max": 18446744073709551615}',
    );
    const table = tableWith({ i64max: 'INT64', u64max: 'INT64' });
    const read = store.onlineRead(table, [keyOfTexts({ id: 'big' })]);
    const { message } = await storeErrorOf(read, 'STORE_VALUE_MISMATCH');
    assert.match(message, /^Row 0 of feature view "f" of project "p": "u64max" does not fit the registry\. .*64 bits/);
    assert.doesNotMatch(message, /18446/);
    const [row] = await store.onlineRead(table, [keyOfTexts({ id: 'big' })], ['i64max']);
    assert.equal(hex(row?.values.get('i64max')), hex(encodeValue(9223372036854775807n, ValueType_Enum.INT64)));
  });

  it('hold decimals as floats, which is what the registry has to say', async () => {
    open({});
    const decimals = tableWith({ a: 'DECIMAL', b: 'DECIMAL', c: 'DECIMAL' });
    const key = keyOfTexts({ id: 'dec' });
    await server.client.set('mlforge:f:544af447a11c9046', '{"a": 12.5, "b": 0.1, "c": 1000.0}');
    const error = await storeErrorOf(store.onlineRead(decimals, [key]), 'STORE_VALUE_MISMATCH');
    assert.match(
      error.describe(),
      /DECIMAL takes a whole number or a text, but the store holds a number with a fraction/,
    );
    const row = { entityKey: key, values: new Map([['a', encodeValue('12.50', ValueType_Enum.DECIMAL)]]) };
    await storeErrorOf(store.onlineWriteBatch(decimals, [{ ...row, eventTimestamp: time }]), 'STORE_INVALID_ROW');
    const [read] = await store.onlineRead(tableWith({ a: 'DOUBLE', b: 'DOUBLE', c: 'DOUBLE' }), [key]);
    assert.equal(hex(read?.values.get('c')), hex(encodeValue(1000, ValueType_Enum.DOUBLE)));
  });
});

function tableWith(types: Readonly<Record<string, keyof typeof ValueType_Enum>>): OnlineTable {
  const features = Object.entries(types).map(([name, type]) => ({ name, valueType: ValueType_Enum[type] }));
  return { project: 'p', name: 'f', joinKeys: ['id'], features };
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString('hex');
}
