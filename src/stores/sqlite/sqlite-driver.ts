import { StoreError } from '../store-error.ts';

/** The slice of better-sqlite3 that the store uses. */
export interface SqliteDatabase {
  readonly open: boolean;
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  pragma(pragma: string, options?: { readonly simple?: boolean }): unknown;
  close(): unknown;
}

export interface SqliteStatement {
  /** Whether it gives rows. */
  readonly reader: boolean;
  /** Rows as arrays instead of objects. */
  raw(): SqliteStatement;
  /** The first row. */
  get(...parameters: unknown[]): unknown;
  all(...parameters: unknown[]): unknown[];
  run(...parameters: unknown[]): unknown;
}

export interface SqliteOptions {
  readonly readonly?: boolean;
  readonly fileMustExist?: boolean;
  /** How long a call blocks the thread while the file is locked, in milliseconds. */
  readonly timeout?: number;
}

export type SqliteConstructor = new (path: string, options: SqliteOptions) => SqliteDatabase;

// The package's major versions drop old Node versions; the alias holds the last one that has a binary for Node 20.
const CURRENT = 'better-sqlite3';
const NODE_20 = 'better-sqlite3-node20';

let loaded: Promise<SqliteConstructor> | undefined;

/**
 * Loads the SQLite binding on first use.
 * @throws StoreError `STORE_UNAVAILABLE` when neither build of it is installed.
 */
export function loadSqliteDriver(): Promise<SqliteConstructor> {
  loaded ??= importFirst(nodeMajor() >= 22 ? [CURRENT, NODE_20] : [NODE_20, CURRENT]);
  return loaded;
}

async function importFirst(names: readonly string[]): Promise<SqliteConstructor> {
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      const module = (await import(name)) as { default: SqliteConstructor };
      return module.default;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new StoreError('STORE_UNAVAILABLE', `The SQLite binding is not installed: tried ${names.join(' and ')}.`, {
    hint: 'Install the optional dependencies (npm install --include=optional), or add better-sqlite3 yourself.',
    cause: failures[0],
  });
}

function nodeMajor(): number {
  return Number.parseInt(process.versions.node, 10);
}
