import { StoreError } from '../store-error.ts';

/** The slice of better-sqlite3 that the store uses. */
export interface SqliteDatabase {
  readonly open: boolean;
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  pragma(pragma: string, options?: { readonly simple?: boolean }): unknown;
  /** Makes a function that SQL on this handle may call. */
  function(name: string, options: { readonly deterministic: boolean }, body: (value: unknown) => unknown): unknown;
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
  /** @returns among other things how many rows were inserted, changed or deleted */
  run(...parameters: unknown[]): { readonly changes: number };
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
  // Node 20 must not even try the current version: its binary takes the process down there.
  loaded ??= importFirst(nodeMajor() >= 22 ? [CURRENT, NODE_20] : [NODE_20]);
  return loaded;
}

async function importFirst(names: readonly string[]): Promise<SqliteConstructor> {
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      const { default: Database } = (await import(name)) as { default: SqliteConstructor };
      // The binary is loaded with the first database: one that was made for another Node fails here and not at a request.
      new Database(':memory:', {}).close();
      return Database;
    } catch (error) {
      failures.push(error);
    }
  }
  const where = `Node ${process.versions.node}`;
  throw new StoreError(
    'STORE_UNAVAILABLE',
    `No SQLite binding for ${where} is installed: tried ${names.join(' and ')}.`,
    {
      hint: 'Install with the Node that runs (npm ci), optional dependencies and, for Node 20, scripts of packages included.',
      cause: failures[0],
    },
  );
}

function nodeMajor(): number {
  return Number.parseInt(process.versions.node, 10);
}
