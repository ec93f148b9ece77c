import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, plainCause } from '../plain-cause.ts';
import { RegistryError } from '../registry-error.ts';
import type { SqlDatabase, SqlQuery } from './sql-database.ts';

/** The slice of better-sqlite3 that reading a registry uses. */
export interface SqliteFile {
  prepare(sql: string): { raw(): { all(...parameters: unknown[]): unknown[] } };
  exec(sql: string): unknown;
  close(): unknown;
}

/** Opens an existing file for reading only, without waiting for locks. */
export type OpenSqliteFile = (path: string) => Promise<SqliteFile>;

const pauseMs = 20;
const lockLimitMs = 10_000;

/** A registry in a SQLite file. Feast locks it while it writes; the wait for that does not block the process. */
export function createSqliteRegistryDatabase(path: string, openFile: OpenSqliteFile): SqlDatabase {
  return {
    listTables: "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')",
    async read(work, signal) {
      const end = performance.now() + lockLimitMs;
      for (;;) {
        signal?.throwIfAborted();
        try {
          return await readOnce(await openFile(path), work);
        } catch (error) {
          if (!/^SQLITE_(?:BUSY|LOCKED)/.test(codeOf(error) ?? '') || performance.now() > end) {
            throw errorFromSqlite(path, error);
          }
        }
        await sleep(pauseMs, undefined, signal === undefined ? {} : { signal });
      }
    },
  };
}

async function readOnce<T>(file: SqliteFile, work: (query: SqlQuery) => Promise<T>): Promise<T> {
  try {
    file.exec('BEGIN');
    return await work(
      async (sql, parameters = []) =>
        file
          .prepare(sql)
          .raw()
          .all(...parameters) as unknown[][],
    );
  } finally {
    file.close();
  }
}

function errorFromSqlite(path: string, error: unknown): unknown {
  const code = codeOf(error);
  if (error instanceof RegistryError || code === undefined || !code.startsWith('SQLITE_')) return error;
  const cause = plainCause(error);
  if (code === 'SQLITE_CANTOPEN') {
    return new RegistryError('REGISTRY_NOT_FOUND', `There is no registry ${path} that can be opened.`, {
      hint: 'Run `feast apply`; a relative path starts from the folder of feature_store.yaml here.',
      cause,
    });
  }
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) {
    return new RegistryError('REGISTRY_CORRUPT', `The registry ${path} is not a SQLite database, or damaged.`, {
      hint: 'Run `feast apply`, or restore it.',
      cause,
    });
  }
  return new RegistryError('REGISTRY_UNREADABLE', `The registry ${path} cannot be read (${code}).`, {
    hint: 'Check permissions, and what keeps it locked.',
    cause,
  });
}
