import { APPLY, tableMissingError } from '../sql/sql-errors.ts';
import { StoreError, type StoreErrorCode } from '../store-error.ts';

const UNFINISHED = [
  'STORE_UNAVAILABLE',
  'holds what a killed writer left unfinished',
  'Let this process, or any other that reads the file, write to it and its folder once: that takes the unfinished part back.',
] as const;

const CODES: Readonly<Record<string, readonly [StoreErrorCode, string, string]>> = {
  // In front of their common prefix.
  SQLITE_CANTOPEN: [
    'STORE_UNAVAILABLE',
    'cannot be opened',
    'Check that the path exists and that the process may read the file and its folder.',
  ],
  SQLITE_NOTADB: ['STORE_WRONG_LAYOUT', 'is not a SQLite database', 'Check the path of the online store.'],
  SQLITE_CORRUPT: ['STORE_CORRUPT', 'is damaged', 'Restore the file, or apply and materialize again.'],
  SQLITE_READONLY_ROLLBACK: UNFINISHED,
  SQLITE_READONLY_RECOVERY: UNFINISHED,
  SQLITE_READONLY: ['STORE_READ_ONLY', 'is read-only', 'Writing needs write permission on the file and its folder.'],
  SQLITE_FULL: ['STORE_OVERLOADED', 'cannot grow: the disk is full', 'Free some space.'],
  SQLITE_IOERR: ['STORE_UNAVAILABLE', 'cannot be read or written', 'Check the disk or the mount.'],
  SQLITE_PERM: ['STORE_PERMISSION_DENIED', 'may not be accessed', 'Check the permissions of the file.'],
  SQLITE_AUTH: ['STORE_PERMISSION_DENIED', 'may not be accessed', 'Check the permissions of the file.'],
};

/** True when another connection holds the lock that the call needs. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED');
}

/** True when a writer was killed in the middle, and what it left can only be taken back by a connection that may write. */
export function isUnfinished(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === 'SQLITE_READONLY_ROLLBACK' || code === 'SQLITE_READONLY_RECOVERY';
}

/** Translates an error of the SQLite binding; what is a StoreError already stays as it is. */
export function storeErrorFromSqlite(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error;
  const code = sqliteCode(error);
  const message = error instanceof Error ? error.message : String(error);
  const missingTable = /^no such table: (.*)$/.exec(message)?.[1];
  if (missingTable !== undefined) return tableMissingError(`SQLite file ${path}`, missingTable, error);
  if (code === 'SQLITE_ERROR' && /no (such )?column|ON CONFLICT clause/.test(message)) {
    return new StoreError(
      'STORE_WRONG_LAYOUT',
      `A table in SQLite file ${path} is not in Feast's layout: ${message}.`,
      {
        hint: APPLY,
        cause: error,
      },
    );
  }
  if (isBusy(error)) return lockedError(path, error);
  // Extended codes carry the plain code as their prefix: SQLITE_READONLY_DBMOVED, SQLITE_IOERR_SHORT_READ.
  const entry = Object.entries(CODES).find(([prefix]) => code.startsWith(prefix))?.[1];
  if (entry === undefined) {
    return new StoreError('STORE_FAILED', `SQLite file ${path}: the call failed (${code || 'no code'}).`, {
      cause: error,
    });
  }
  const [storeCode, what, hint] = entry;
  return new StoreError(storeCode, `SQLite file ${path} ${what}.`, { hint, cause: error });
}

export function lockedError(path: string, cause: unknown): StoreError {
  return new StoreError('STORE_UNAVAILABLE', `SQLite file ${path} is locked by another process.`, {
    hint: 'Another writer holds the file; try again, or raise sideboard.sqlite.busy_timeout_ms.',
    cause,
  });
}

export function missingFileError(path: string): StoreError {
  return new StoreError('STORE_UNAVAILABLE', `SQLite file ${path} does not exist.`, { hint: APPLY });
}

function sqliteCode(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}
