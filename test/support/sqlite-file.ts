import { join } from 'node:path';
import { loadSqliteDriver, type SqliteDatabase } from '../../src/stores/sqlite/sqlite-driver.ts';
import type { FeatureRepo } from './feature-repo.ts';

/** Opens the online store of a repo that {@link createSqliteRepo} made, beside the store under test. */
export async function openDatabase(repo: FeatureRepo): Promise<SqliteDatabase> {
  const Driver = await loadSqliteDriver();
  return new Driver(join(repo.path, 'data/online_store.db'), {});
}

/** Does some work in that file. */
export async function inDatabase<T>(repo: FeatureRepo, work: (database: SqliteDatabase) => T): Promise<T> {
  const database = await openDatabase(repo);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** Names of the tables in that file. */
export function tablesOf(repo: FeatureRepo): Promise<readonly unknown[]> {
  return inDatabase(repo, (database) => {
    const rows = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").raw().all();
    return (rows as [unknown][]).map(([name]) => name);
  });
}
