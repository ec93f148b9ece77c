import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSqliteDriver, type SqliteDatabase } from '../../../src/stores/sqlite/sqlite-driver.ts';
import { describeSqlWrites } from '../../support/sql-write-suite.ts';

for (const [name, settings, kills] of [
  ['SQLite', {}, 10],
  ['SQLite in another time zone', { timezone: 'America/New_York' }, 1],
  ['SQLite without write-ahead logging', { journal_mode: 'keep' }, 4],
] as const) {
  let folder: string | undefined;

  const remove = (): void => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  };

  const query = async (sql: string): Promise<unknown[]> => {
    const Driver = await loadSqliteDriver();
    const database: SqliteDatabase = new Driver(join(folder ?? '', 'online.db'), { readonly: true });
    try {
      return database.prepare(sql).raw().all();
    } finally {
      database.close();
    }
  };

  after(remove);

  describeSqlWrites(
    name,
    {
      async reset() {
        remove();
        folder = mkdtempSync(join(tmpdir(), 'sideboard-writes-'));
        // Readers of a file without write-ahead logging wait while a load is committed.
        return { store: 'sqlite', path: join(folder, 'online.db'), settings: { ...settings, busy_timeout_ms: 20_000 } };
      },
      dump: ({ project, name: view }) =>
        query(`
        SELECT hex(entity_key), feature_name, typeof(value), hex(value), value_text, typeof(value_text), vector_value,
          event_ts, typeof(event_ts), created_ts, typeof(created_ts)
        FROM "${project}_${view}" ORDER BY 1, 2`),
      names: () => query('SELECT type, name FROM sqlite_master ORDER BY 1, 2'),
    },
    kills,
  );
}
