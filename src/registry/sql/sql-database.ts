/** Runs a statement and gives its rows as arrays. `?` in it stands for the parameters, in order. */
export type SqlQuery = (sql: string, parameters?: readonly string[]) => Promise<readonly (readonly unknown[])[]>;

/** A database that holds a registry, as far as reading one needs it. */
export interface SqlDatabase {
  /** Names of the tables that may hold a registry; a statement with one column. */
  readonly listTables: string;
  /**
   * Connects, runs `work` in one read-only transaction that sees one state of the database, and disconnects.
   * @throws RegistryError
   */
  read<T>(work: (query: SqlQuery) => Promise<T>, signal?: AbortSignal): Promise<T>;
}
