import assert from 'node:assert/strict';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import type { OnlineTable } from '../../../src/stores/online-store.ts';
import type { PostgreSQLOnlineStore } from '../../../src/stores/postgres/postgres-online-store.ts';
import { goldenFolders, readGolden, readGoldenLines } from '../../support/golden.ts';
import { type PostgresServer, sharedPostgresServer } from '../../support/postgres-server.ts';
import { openPostgresStore } from '../../support/postgres-store.ts';
import { plainRow, type RecordedSqlRow, recordedTables, restorePostgresRepo } from '../../support/sql-golden.ts';
import { changeOf } from '../../support/store-rows.ts';

const DATABASE = 'golden';
const RECORDED = 'golden_recorded';

describe('the PostgreSQL store and what Feast recorded', function () {
  this.timeout(60_000);
  let server: PostgresServer;
  let store: PostgreSQLOnlineStore;

  before(async () => {
    server = await sharedPostgresServer();
  });

  afterEach(() => store.close());

  for (const repo of goldenFolders('postgres')) {
    const recorded = readGoldenLines<RecordedSqlRow>('postgres', repo, 'rows.jsonl');
    const schema = readGolden('postgres', repo, 'schema.sql').toString('utf8');
    const tables = recordedTables('postgres', repo);

    it(`reads every row of ${repo}`, async () => {
      await restorePostgresRepo(server, RECORDED, repo);
      store = openPostgresStore({ server, database: RECORDED });
      for (const { table, rows } of tables) {
        const read = await store.onlineRead(
          table,
          rows.map((row) => row.entityKey),
        );
        assert.deepEqual(read.map(plainRow), rows.map(plainRow));
      }
    });

    it(`makes the tables of ${repo} and writes it byte for byte`, async () => {
      await restorePostgresRepo(server, RECORDED, repo);
      await server.createDatabase(DATABASE);
      store = openPostgresStore({ server, database: DATABASE });
      const applied = tables.map(({ table }) => withTextFeatures(table, schema));
      await store.update(changeOf({ tablesToKeep: applied }));
      for (const { table, rows } of tables) await store.onlineWriteBatch(table, rows);
      const names = applied.map(nameOf);
      for (const sql of [columnsSql, indexesSql]) {
        assert.deepEqual(await rowsOf(server, sql, DATABASE, names), await rowsOf(server, sql, RECORDED, names));
      }
      const stored = await Promise.all(
        names.map((name) =>
          server.query(
            `SELECT '${name}' AS table, encode(entity_key, 'hex') AS entity_key_hex, feature_name,
               encode(value, 'hex') AS value_hex, value_text, vector_value, event_ts::text, created_ts::text FROM "${name}"`,
            DATABASE,
          ),
        ),
      );
      const expected = recorded.map(
        ({ table, entity_key_hex, feature_name, value_hex, value_text, event_ts, created_ts }) => {
          return {
            table,
            entity_key_hex,
            feature_name,
            value_hex,
            value_text,
            vector_value: null,
            event_ts,
            created_ts,
          };
        },
      );
      assert.deepEqual(sorted(stored.flat()), sorted(expected));
    });
  }
});

const columnsSql = `
  SELECT table_name, column_name, data_type, is_nullable, column_default, ordinal_position
  FROM information_schema.columns WHERE table_schema = 'public'`;

const indexesSql = `SELECT tablename AS table_name, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'`;

async function rowsOf(
  server: PostgresServer,
  sql: string,
  database: string,
  tables: readonly string[],
): Promise<string[]> {
  const rows = await server.query(sql, database);
  return sorted(rows.filter((row) => tables.includes(String(row.table_name))));
}

/** Where Feast made an index for text search, the view has a text feature. */
function withTextFeatures(table: OnlineTable, schema: string): OnlineTable {
  if (!schema.includes(`${nameOf(table)}_fts_idx ON`)) return table;
  return { ...table, features: table.features.map(({ name }) => ({ name, valueType: ValueType_Enum.STRING })) };
}

function nameOf(table: OnlineTable): string {
  return `${table.project}_${table.name}`;
}

function sorted(rows: readonly object[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}
