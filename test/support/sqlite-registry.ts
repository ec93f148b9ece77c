import type { OpenSqliteFile } from '../../src/registry/sql/sqlite-registry-database.ts';
import { loadSqliteDriver } from '../../src/stores/sqlite/sqlite-driver.ts';

/** As the program opens the file of a registry. */
export const openSqliteFile: OpenSqliteFile = async (path) => {
  const Database = await loadSqliteDriver();
  return new Database(path, { readonly: true, fileMustExist: true, timeout: 0 });
};
