import { tooLarge } from '../read-bounded.ts';
import { RegistryError } from '../registry-error.ts';
import type { LoadedRegistry, RegistryLoadOptions, RegistrySource } from '../registry-source.ts';
import type { SqlDatabase } from './sql-database.ts';
import { readRegistryRows, readState } from './sql-registry-tables.ts';

export interface SqlRegistrySourceOptions {
  readonly database: SqlDatabase;
  /** What messages call it, without user and password. */
  readonly name: string;
  readonly project: string;
  readonly maxBytes: number;
  /** Rows carry whole seconds: their times only count once nothing has changed for so long, in milliseconds. Default 2000. */
  readonly settleMs?: number;
}

/**
 * One project of a registry that Feast keeps in a database (`registry_type: sql`), read in one transaction. Whether
 * something has changed is told from counts, sizes and times.
 */
export function createSqlRegistrySource(options: SqlRegistrySourceOptions): RegistrySource {
  const { database, name, project, maxBytes, settleMs = 2_000 } = options;
  let state = { token: '', since: 0, readSettled: false };
  const load = ({ signal, previous }: RegistryLoadOptions): Promise<LoadedRegistry | 'unchanged'> =>
    database.read(async (query) => {
      const tables = new Set((await query(database.listTables)).map(([table]) => String(table)));
      const found = await readState(query, tables, project);
      if (found === undefined) throw noTables(name);
      const { token, size } = found;
      const now = performance.now();
      if (token !== state.token) state = { token, since: now, readSettled: false };
      if (token === previous && state.readSettled) return 'unchanged';
      if (size > maxBytes) throw tooLarge(name, maxBytes);
      const bytes = await readRegistryRows(query, tables, project, name);
      state = { ...state, readSettled: now - state.since >= settleMs };
      return { bytes, token };
    }, signal);
  return {
    describe: () => name,
    load: (loadOptions = {}) => load(loadOptions),
    close: async () => {},
  };
}

function noTables(name: string): RegistryError {
  return new RegistryError('REGISTRY_NOT_FOUND', `There is no ${name}: the database has no table of a registry.`, {
    hint: 'Run `feast apply`; if it was run, let the user see the tables (GRANT SELECT), in the schema that is searched.',
  });
}
