import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { deserializeEntityKey } from '../../../src/encoding/entity-key.ts';
import type { OnlineRow, OnlineTable } from '../../../src/stores/online-store.ts';
import { loadSqliteDriver, type SqliteDatabase } from '../../../src/stores/sqlite/sqlite-driver.ts';
import {
  SqliteOnlineStore,
  SqliteOnlineStoreConfig,
  SqliteOnlineStoreSettings,
} from '../../../src/stores/sqlite/sqlite-online-store.ts';
import { goldenFolders, goldenPath, readGoldenJson, readGoldenLines } from '../../support/golden.ts';
import { goldenProject, type RecordedRow, tableWith } from '../../support/golden-stores.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

interface TimezoneEffect {
  readonly TZ: string;
  readonly event_time_written: string;
  readonly event_time_epoch: number;
  readonly stored_event_ts: string;
  readonly stored_created_ts: string;
}

describe('the SQLite store and what Feast recorded', () => {
  const folder = useTempFolder();
  let store: SqliteOnlineStore;

  afterEach(() => store?.close());

  const open = (settings: object = {}): SqliteOnlineStore => {
    const context = { project: 'any', repoPath: folder(), warn: (message: string) => assert.fail(message) };
    const config = SqliteOnlineStoreConfig.parse({ path: 'online_store.db' });
    return new SqliteOnlineStore(config, context, SqliteOnlineStoreSettings.parse(settings));
  };

  for (const repo of goldenFolders('sqlite')) {
    const project = goldenProject('sqlite', repo);
    const recorded = readGoldenLines<RecordedRow>('sqlite', repo, 'rows.jsonl');
    const tables = tablesOf(project, recorded);

    it(`reads every row of ${repo}`, async () => {
      copyFileSync(goldenPath('sqlite', repo, 'online_store.db'), join(folder(), 'online_store.db'));
      store = open();
      for (const [table, rows] of tables) {
        const read = await store.onlineRead(
          table,
          rows.map((row) => row.entityKey),
        );
        assert.deepEqual(
          read.map((row) => row && [row.eventTimestamp, plain(row.values)]),
          rows.map((row) => [row.eventTimestamp, plain(row.values)]),
        );
      }
    });

    it(`writes ${repo} byte for byte`, async () => {
      store = open();
      await store.update({
        tablesToKeep: [...tables.keys()],
        tablesToDelete: [],
        entitiesToKeep: [],
        entitiesToDelete: [],
        partial: false,
      });
      for (const [table, rows] of tables) await store.onlineWriteBatch(table, rows);
      await store.close();
      const database = await openRaw(join(folder(), 'online_store.db'));
      const golden = await openRaw(goldenPath('sqlite', repo, 'online_store.db'));
      const names = [...tables.keys()].map((table) => `${project}_${table.name}`);
      assert.deepEqual(contentOf(database, names), contentOf(golden, names));
      assert.deepEqual(schemaOf(database, names), schemaOf(golden, names));
      database.close();
      golden.close();
    });
  }

  for (const effect of readGoldenJson<TimezoneEffect[]>('sqlite', 'timezone_effect.json')) {
    it(`reads and writes times as Feast does with TZ=${effect.TZ}`, async () => {
      store = open({ timezone: effect.TZ });
      const table = tableWith('p', 'v', ['id'], ['f']);
      const [key] = readGoldenLines<RecordedRow>('sqlite', 'simple', 'rows.jsonl');
      assert.ok(key);
      const entityKey = deserializeEntityKey(Buffer.from(key.entity_key.hex, 'hex'));
      const nanos = Number(effect.event_time_written.slice(20, 26)) * 1000;
      const time = { seconds: effect.event_time_epoch, nanos };
      const values = new Map([['f', new Uint8Array()]]);
      const change = { tablesToDelete: [], entitiesToKeep: [], entitiesToDelete: [], partial: true };
      await store.update({ tablesToKeep: [table], ...change });
      await store.onlineWriteBatch(table, [{ entityKey, values, eventTimestamp: time, createdTimestamp: time }]);
      const [row] = await store.onlineRead(table, [entityKey]);
      assert.deepEqual(row?.eventTimestamp, { seconds: effect.event_time_epoch, nanos: 0 });
      await store.close();
      const database = await openRaw(join(folder(), 'online_store.db'));
      const stored = database.prepare('SELECT event_ts, created_ts, typeof(event_ts) FROM p_v').raw().all();
      assert.deepEqual(stored, [[Number(effect.stored_event_ts), Number(effect.stored_created_ts), 'integer']]);
      database.close();
    });
  }
});

/** The recorded rows as rows to write: Feast's features of one entity, in the order in which they were stored. */
function tablesOf(project: string, recorded: readonly RecordedRow[]): Map<OnlineTable, OnlineRow[]> {
  const tables = new Map<OnlineTable, OnlineRow[]>();
  for (const name of new Set(recorded.map((row) => row.table))) {
    const ofTable = recorded.filter((row) => row.table === name);
    const rows = [...new Set(ofTable.map((row) => row.entity_key.hex))].map((hex): OnlineRow => {
      const cells = ofTable.filter((row) => row.entity_key.hex === hex);
      const [first] = cells;
      assert.ok(first);
      for (const cell of cells) assert.deepEqual([cell.event_ts, cell.created_ts], [first.event_ts, first.created_ts]);
      return {
        entityKey: deserializeEntityKey(Buffer.from(hex, 'hex')),
        values: new Map(cells.map((cell) => [cell.feature_name, Buffer.from(cell.value.hex, 'hex')])),
        eventTimestamp: { seconds: first.event_ts, nanos: 0 },
        ...(first.created_ts !== null && { createdTimestamp: { seconds: first.created_ts, nanos: 0 } }),
      };
    });
    const features = new Set(ofTable.map((row) => row.feature_name));
    tables.set(tableWith(project, name.slice(project.length + 1), [], features), rows);
  }
  return tables;
}

async function openRaw(path: string): Promise<SqliteDatabase> {
  const Driver = await loadSqliteDriver();
  return new Driver(path, { readonly: true, fileMustExist: true });
}

function contentOf(database: SqliteDatabase, tables: readonly string[]): unknown[] {
  return tables.map((table) =>
    database
      .prepare(`
        SELECT entity_key, feature_name, value, value_text, vector_value, event_ts, typeof(event_ts), created_ts
        FROM "${table}" ORDER BY entity_key, feature_name`)
      .raw()
      .all(),
  );
}

function schemaOf(database: SqliteDatabase, tables: readonly string[]): unknown[] {
  const statements = database.prepare('SELECT tbl_name, type, name, sql FROM sqlite_master ORDER BY name').raw().all();
  return (statements as [string, string, string, string | null][])
    .filter(([table]) => tables.includes(table))
    .map(([, type, name, sql]) => [
      type,
      name,
      sql?.replaceAll('"', '').replace(/\s+/g, ' ').replaceAll(' )', ')').replaceAll('( ', '('),
    ]);
}

function plain(values: ReadonlyMap<string, Uint8Array>): unknown {
  return [...values].map(([name, value]) => [name, Buffer.from(value).toString('hex')]).sort();
}
