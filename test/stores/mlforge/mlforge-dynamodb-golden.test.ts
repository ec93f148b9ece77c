import assert from 'node:assert/strict';
import { serializeEntityKey } from '../../../src/encoding/entity-key.ts';
import { entityHashOfKey } from '../../../src/stores/mlforge/mlforge-layout.ts';
import { planWrites } from '../../../src/stores/mlforge-dynamodb/mlforge-dynamodb-layout.ts';
import {
  MlforgeDynamodbOnlineStore,
  MlforgeDynamodbOnlineStoreConfig,
} from '../../../src/stores/mlforge-dynamodb/mlforge-dynamodb-online-store.ts';
import { batchGetInput } from '../../../src/stores/mlforge-dynamodb/mlforge-dynamodb-reader.ts';
import { type JsonItem, RawDynamo } from '../../support/dynamodb-items.ts';
import { sharedDynamoServer } from '../../support/dynamodb-server.ts';
import { useFreshDatabase } from '../../support/dynamodb-store.ts';
import { readGoldenLines } from '../../support/golden.ts';
import { keyOfTexts, type TypedRow, tableOfReadings, valueOfReading } from '../../support/mlforge-vectors.ts';
import { changeOf } from '../../support/store-rows.ts';

interface DynamoVector {
  readonly id: string;
  readonly table: string;
  readonly feature_name: string;
  readonly entity_keys: Readonly<Record<string, string>>;
  readonly ttl_seconds: number | null;
  readonly now_epoch: number;
  readonly put_item: JsonItem;
  readonly batch_get_item: object;
  readonly read_typed: TypedRow;
}

/** Whole numbers that no type of the registry holds. */
const NO_INT64 = 'u64max';
const time = { seconds: 1_700_000_000, nanos: 0 };

const vectors = readGoldenLines<DynamoVector>('mlforge', 'dynamodb.jsonl');

describe("mlforge's items in DynamoDB", () => {
  let url = '';
  let raw: RawDynamo;
  let store: MlforgeDynamodbOnlineStore;

  before(async function () {
    this.timeout(60_000);
    url = (await sharedDynamoServer()).url;
  });

  useFreshDatabase();

  afterEach(async () => {
    await store?.close();
    raw?.close();
  });

  const rowOf = ({ read_typed: typed }: DynamoVector): TypedRow =>
    Object.fromEntries(Object.entries(typed).filter(([name]) => name !== NO_INT64));
  const tableOf = (vector: DynamoVector) =>
    tableOfReadings(vector.feature_name, Object.keys(vector.entity_keys), rowOf(vector));
  const valuesOf = (vector: DynamoVector) =>
    new Map(Object.entries(rowOf(vector)).map(([name, reading]) => [name, valueOfReading(reading)]));

  for (const vector of vectors) {
    const entityKey = keyOfTexts(vector.entity_keys);
    const key = serializeEntityKey(entityKey);

    it(`are laid out as mlforge lays them out: ${vector.id}`, () => {
      const row = { entityKey, values: valuesOf(vector), eventTimestamp: time };
      const moment = { micros: Math.round(vector.now_epoch * 1e6), ttlSeconds: vector.ttl_seconds ?? 0 };
      const [write] = planWrites(tableOf(vector), [row], [key], moment);
      const { feature_values: text, ...rest } = vector.put_item;
      const expected = text?.S?.replace(/, "u64max": \d+/, '');
      assert.deepEqual(write?.item, { ...rest, feature_values: { S: expected } });
      assert.equal(write?.rows, 1);
    });

    it(`are asked for as mlforge asks for them: ${vector.id}`, () => {
      const item = { hash: entityHashOfKey(key), feature: vector.feature_name };
      assert.deepEqual(batchGetInput(vector.table, [item]), vector.batch_get_item);
    });
  }

  it('are read as mlforge reads them, and written where it looks for them', async function () {
    this.timeout(30_000);
    raw = await RawDynamo.open(url);
    const config = MlforgeDynamodbOnlineStoreConfig.parse({
      table_name: vectors[0]?.table,
      region: 'us-east-1',
      endpoint_url: url,
    });
    store = new MlforgeDynamodbOnlineStore(config, { project: 'p', repoPath: '/', warn: () => {} });
    await store.update(changeOf({ tablesToKeep: vectors.map(tableOf) }));
    for (const vector of vectors) {
      const { ttl: _, ...item } = vector.put_item;
      await raw.put(config.table_name, item);
      const [read] = await store.onlineRead(tableOf(vector), [keyOfTexts(vector.entity_keys)]);
      assert.deepEqual(plain(read?.values), plain(valuesOf(vector)), vector.id);
      assert.deepEqual(read?.eventTimestamp, { seconds: 0, nanos: 0 });
    }
    const stored = async () => new Map((await raw.scan(config.table_name)).map((item) => [keyText(item), item]));
    const before = await stored();
    for (const vector of vectors) {
      const row = { entityKey: keyOfTexts(vector.entity_keys), values: valuesOf(vector), eventTimestamp: time };
      await store.onlineWriteBatch(tableOf(vector), [row]);
    }
    const written = await stored();
    assert.deepEqual([...written.keys()].sort(), [...before.keys()].sort());
    for (const [name, item] of written) {
      assert.deepEqual(Object.keys(item).sort(), ['entity_key', 'feature_name', 'feature_values', 'updated_at'], name);
      assert.match(item.updated_at?.S ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00$/);
    }
  });
});

function keyText(item: JsonItem): string {
  return `${item.entity_key?.S} ${item.feature_name?.S}`;
}

function plain(values: ReadonlyMap<string, Uint8Array> | undefined): readonly (readonly [string, string])[] {
  return [...(values ?? [])].map(([name, value]) => [name, Buffer.from(value).toString('hex')]);
}
