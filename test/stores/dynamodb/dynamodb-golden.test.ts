import assert from 'node:assert/strict';
import type { EntityKey } from '../../../gen/feast/types/EntityKey_pb.ts';
import { serializeEntityKey } from '../../../src/encoding/entity-key.ts';
import { parseTimestamp } from '../../../src/encoding/timestamp.ts';
import { entityId } from '../../../src/stores/dynamodb/dynamodb-layout.ts';
import type { DynamoDBOnlineStore } from '../../../src/stores/dynamodb/dynamodb-online-store.ts';
import type { OnlineTable } from '../../../src/stores/online-store.ts';
import { type JsonItem, RawDynamo } from '../../support/dynamodb-items.ts';
import { sharedDynamoServer } from '../../support/dynamodb-server.ts';
import { openDynamoStore, useFreshDatabase } from '../../support/dynamodb-store.ts';
import { goldenFolders, readGoldenJson, readGoldenLines } from '../../support/golden.ts';
import { type DumpedHash, entityKeyFromJson, goldenProject, tableWith } from '../../support/golden-stores.ts';

/** A line of a recorded `items.jsonl`. */
interface RecordedItem {
  readonly table: string;
  readonly item: JsonItem;
}

describe('the DynamoDB store and what Feast recorded', () => {
  let store: DynamoDBOnlineStore;
  let raw: RawDynamo;

  before(async function () {
    this.timeout(60_000);
    await sharedDynamoServer();
  });

  useFreshDatabase();

  beforeEach(async () => {
    const { url } = await sharedDynamoServer();
    store = openDynamoStore(url, { warn: (message) => assert.fail(message) });
    raw = await RawDynamo.open(url);
  });

  afterEach(async () => {
    await store.close();
    raw.close();
  });

  for (const repo of goldenFolders('dynamodb')) {
    const items = readGoldenLines<RecordedItem>('dynamodb', repo, 'items.jsonl');
    const keys = keysOf(repo);
    const project = goldenProject('dynamodb', repo);
    const rows = items.map(({ table: name, item }) => {
      const key = keys.get(item.entity_id?.S ?? '');
      assert.ok(key, `no recorded key has the id ${item.entity_id?.S}`);
      const values = new Map(
        Object.entries(item.values?.M ?? {}).map(([feature, { B = '' }]) => [feature, Buffer.from(B, 'base64')]),
      );
      const table = tableWith(project, name.slice(project.length + 1), key.joinKeys, values.keys());
      return { name, table, item, key, values, time: parseTimestamp(item.event_ts?.S ?? '') };
    });
    const tables = [...new Map(rows.map(({ name, table }) => [name, table])).values()];

    it(`reads every item of ${repo}`, async () => {
      for (const name of new Set(items.map(({ table }) => table))) await raw.createTable(name);
      for (const { table, item } of items) await raw.put(table, item);
      for (const { table, key, values, time } of rows) {
        const [row] = await store.onlineRead(table, [key]);
        assert.deepEqual(row?.eventTimestamp, time);
        assert.deepEqual(plain(row?.values), plain(values));
      }
    });

    it(`writes ${repo} byte for byte`, async () => {
      await apply(store, tables);
      for (const { table, key, values, time } of rows) {
        await store.onlineWriteBatch(table, [{ entityKey: key, values, eventTimestamp: time }]);
      }
      for (const name of new Set(items.map(({ table }) => table))) {
        const expected = items.filter(({ table }) => table === name).map(({ item }) => item);
        assert.deepEqual(byId(await raw.scan(name)), byId(expected));
      }
    });

    it(`makes the tables of ${repo} as Feast makes them`, async () => {
      await apply(store, tables);
      const recorded = readGoldenJson<readonly Description[]>('dynamodb', repo, 'tables.json');
      for (const table of recorded) {
        if (!items.some(({ table: name }) => name === table.TableName)) continue;
        const { Table } = await raw.send<{ Table: Description }>('DescribeTable', { TableName: table.TableName });
        assert.deepEqual(shapeOf(Table), shapeOf(table));
      }
    });
  }
});

interface Description {
  readonly TableName: string;
  readonly KeySchema: unknown;
  readonly AttributeDefinitions: unknown;
  readonly BillingModeSummary?: { readonly BillingMode: string };
}

function shapeOf({ KeySchema, AttributeDefinitions, BillingModeSummary }: Description): unknown {
  return { KeySchema, AttributeDefinitions, billing: BillingModeSummary?.BillingMode };
}

/** The items hold hashes alone: the keys are those of the same repository as it was recorded on Redis. */
function keysOf(repo: string): ReadonlyMap<string, EntityKey> {
  const hashes = readGoldenLines<DumpedHash>('redis', repo, 'dump.jsonl');
  const keys = hashes.map((hash) => entityKeyFromJson(hash.decoded_entity_key));
  return new Map(keys.map((key) => [entityId(serializeEntityKey(key)), key]));
}

function apply(store: DynamoDBOnlineStore, tables: readonly OnlineTable[]): Promise<void> {
  return store.update({
    tablesToKeep: tables,
    tablesToDelete: [],
    entitiesToKeep: [],
    entitiesToDelete: [],
    partial: true,
  });
}

function byId(items: readonly JsonItem[]): unknown {
  return Object.fromEntries(items.map((item) => [item.entity_id?.S, item]));
}

function plain(values: ReadonlyMap<string, Uint8Array> | undefined): unknown {
  return [...(values ?? [])].map(([name, value]) => [name, Buffer.from(value).toString('hex')]).sort();
}
