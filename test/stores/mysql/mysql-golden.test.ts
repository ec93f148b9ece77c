import assert from 'node:assert/strict';
import type { MySQLOnlineStore } from '../../../src/stores/mysql/mysql-online-store.ts';
import { goldenFolders, readGolden, readGoldenLines } from '../../support/golden.ts';
import { type MysqlServer, sharedMysqlServer } from '../../support/mysql-server.ts';
import { openMysqlStore } from '../../support/mysql-store.ts';
import { plainRow, type RecordedSqlRow, recordedTables, restoreMysqlRepo } from '../../support/sql-golden.ts';
import { changeOf } from '../../support/store-rows.ts';

const DATABASE = 'golden';

describe('the MySQL store and what Feast recorded', function () {
  this.timeout(60_000);
  let server: MysqlServer;
  let store: MySQLOnlineStore;

  before(async () => {
    server = await sharedMysqlServer();
  });

  beforeEach(async () => {
    // As the recorded one was; the server's default has changed since.
    await server.createDatabase(DATABASE, 'utf8mb4_general_ci');
    store = openMysqlStore({ server, database: DATABASE });
  });

  afterEach(() => store.close());

  for (const repo of goldenFolders('mysql')) {
    const recorded = readGoldenLines<RecordedSqlRow>('mysql', repo, 'rows.jsonl');
    const schema = readGolden('mysql', repo, 'schema.sql').toString('utf8');
    const tables = recordedTables('mysql', repo);

    it(`reads every row of ${repo}`, async () => {
      await restoreMysqlRepo(server, DATABASE, repo);
      for (const { table, rows } of tables) {
        const read = await store.onlineRead(
          table,
          rows.map((row) => row.entityKey),
        );
        assert.deepEqual(read.map(plainRow), rows.map(plainRow));
      }
    });

    it(`makes the tables of ${repo} and writes it byte for byte`, async () => {
      await store.update(changeOf({ tablesToKeep: tables.map(({ table }) => table) }));
      for (const { table, rows } of tables) await store.onlineWriteBatch(table, rows);
      const created = await Promise.all(
        tables.map(async ({ table }) => {
          const [shown] = await server.query(`SHOW CREATE TABLE \`${table.project}_${table.name}\``, DATABASE);
          return String(shown?.['Create Table']);
        }),
      );
      const expected = schema.split(';\n').map((statement) => statement.trim());
      assert.deepEqual(
        created.sort(),
        expected
          .filter((statement) => tables.some(({ table }) => statement.includes(`\`${table.project}_${table.name}\``)))
          .sort(),
      );
      const stored = await Promise.all(
        tables.map(async ({ table }) => {
          const name = `${table.project}_${table.name}`;
          return server.query(
            `SELECT '${name}' AS 'table', entity_key, feature_name, LOWER(HEX(value)) AS value_hex, event_ts, created_ts
             FROM \`${name}\` ORDER BY entity_key, feature_name`,
            DATABASE,
          );
        }),
      );
      const withoutDecoded = recorded.map(({ table, entity_key, feature_name, value_hex, event_ts, created_ts }) => {
        return { table, entity_key, feature_name, value_hex, event_ts, created_ts };
      });
      assert.deepEqual(sorted(stored.flat().map((row) => ({ ...row }))), sorted(withoutDecoded));
    });
  }
});

function sorted(rows: readonly object[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}
