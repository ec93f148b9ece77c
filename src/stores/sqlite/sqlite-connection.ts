import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertTimeLeft, timeLeft } from '../call-limits.ts';
import type { CallOptions } from '../online-store.ts';
import { StoreError } from '../store-error.ts';
import {
  loadSqliteDriver,
  type SqliteConstructor,
  type SqliteDatabase,
  type SqliteStatement,
} from './sqlite-driver.ts';
import { isBusy, lockedError, missingFileError, storeErrorFromSqlite } from './sqlite-errors.ts';

const MAX_STATEMENTS = 256;
const FILE_CHECK_MS = 1000;
const FIRST_PAUSE_MS = 1;
const MAX_PAUSE_MS = 50;

export interface SqliteConnectionOptions {
  readonly path: string;
  /** How long a call waits for another process's lock, in milliseconds, unless its deadline comes first. */
  readonly busyTimeoutMs: number;
  /** Whether writing switches the file to write-ahead logging, so that readers and a writer do not wait for each other. */
  readonly wal: boolean;
}

/** A read-only handle on the file, as long as it is not replaced. */
export interface SqliteReader {
  readonly database: SqliteDatabase;
  /** Whether text is stored in UTF-8, so that blobs may be strung together like text. */
  readonly utf8: boolean;
  /** A statement, from a cache; its rows are arrays. */
  prepare(sql: string): SqliteStatement;
}

/**
 * One SQLite file: a read-only handle for answers and, from the first change on, a second one for writing.
 *
 * SQLite calls block the thread, so no call ever waits inside SQLite: where the file is locked, the call is repeated after
 * a pause in which the process goes on.
 */
export class SqliteConnection {
  readonly #options: SqliteConnectionOptions;
  #reader: SqliteReader | undefined;
  #writer: SqliteDatabase | undefined;
  #openedFile = '';
  #checkedAt = 0;
  #closed = false;

  constructor(options: SqliteConnectionOptions) {
    this.#options = Object.freeze({ ...options });
  }

  get path(): string {
    return this.#options.path;
  }

  /** Runs `work` on the read-only handle. */
  read<T>(work: (reader: SqliteReader) => T, options?: CallOptions): Promise<T> {
    return this.#run((Driver) => work(this.#openReader(Driver)), options);
  }

  /** Runs `work`, which may send several queries, on one state of the file. */
  readTogether<T>(work: (reader: SqliteReader) => T, options?: CallOptions): Promise<T> {
    return this.#run((Driver) => {
      const reader = this.#openReader(Driver);
      reader.prepare('BEGIN').run();
      try {
        const result = work(reader);
        reader.prepare('COMMIT').run();
        return result;
      } catch (error) {
        rollback(reader.database);
        throw error;
      }
    }, options);
  }

  /** Runs `work` in one transaction. With `create`, a missing file is created. */
  write<T>(work: (database: SqliteDatabase) => T, options?: CallOptions, create = false): Promise<T> {
    return this.#run((Driver) => {
      const database = this.#openWriter(Driver, create);
      database.exec('BEGIN IMMEDIATE');
      try {
        const result = work(database);
        database.exec('COMMIT');
        return result;
      } catch (error) {
        rollback(database);
        throw error;
      }
    }, options);
  }

  close(): void {
    this.#closed = true;
    this.#closeHandles();
  }

  async #run<T>(work: (Driver: SqliteConstructor) => T, options: CallOptions | undefined): Promise<T> {
    const doing = `waiting for SQLite file ${this.path}`;
    this.#assertOpen();
    assertTimeLeft(options, doing);
    const Driver = await loadSqliteDriver();
    const giveUpAt = Date.now() + this.#options.busyTimeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      this.#assertOpen();
      try {
        return work(Driver);
      } catch (error) {
        if (!isBusy(error)) throw storeErrorFromSqlite(error, this.path);
        if (Date.now() + pauseMs > giveUpAt) throw lockedError(this.path, error);
      }
      await sleep(Math.max(0, timeLeft(options, pauseMs)));
      assertTimeLeft(options, doing);
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('STORE_CLOSED', `The store on SQLite file ${this.path} was closed.`);
  }

  #openReader(Driver: SqliteConstructor): SqliteReader {
    if (this.#openedFile !== '' && this.#fileWasReplaced()) this.#closeHandles();
    if (this.#reader !== undefined) return this.#reader;
    if (!existsSync(this.path)) throw missingFileError(this.path);
    const database = new Driver(this.path, { readonly: true, fileMustExist: true, timeout: 0 });
    try {
      this.#reader = createReader(database);
    } catch (error) {
      database.close();
      throw error;
    }
    this.#rememberFile();
    return this.#reader;
  }

  #openWriter(Driver: SqliteConstructor, create: boolean): SqliteDatabase {
    if (this.#openedFile !== '' && this.#fileWasReplaced()) this.#closeHandles();
    if (this.#writer !== undefined) return this.#writer;
    if (create) mkdirSync(dirname(this.path), { recursive: true });
    else if (!existsSync(this.path)) throw missingFileError(this.path);
    const writer = new Driver(this.path, { fileMustExist: !create, timeout: 0 });
    try {
      if (this.#options.wal) writer.pragma('journal_mode = WAL');
    } catch (error) {
      // Another process is using the file right now: it stays in its mode, which is right as well.
      if (!isBusy(error)) {
        writer.close();
        throw error;
      }
    }
    this.#writer = writer;
    this.#rememberFile();
    return writer;
  }

  /** `feast teardown` deletes the file; a handle would go on reading what nobody else can see. */
  #fileWasReplaced(): boolean {
    const now = Date.now();
    if (now - this.#checkedAt < FILE_CHECK_MS) return false;
    this.#checkedAt = now;
    return fileIdentity(this.path) !== this.#openedFile;
  }

  #rememberFile(): void {
    this.#openedFile = fileIdentity(this.path);
    this.#checkedAt = Date.now();
  }

  #closeHandles(): void {
    for (const handle of [this.#reader?.database, this.#writer]) handle?.close();
    this.#reader = undefined;
    this.#writer = undefined;
    this.#openedFile = '';
  }
}

function createReader(database: SqliteDatabase): SqliteReader {
  const statements = new Map<string, SqliteStatement>();
  return {
    database,
    utf8: database.pragma('encoding', { simple: true }) === 'UTF-8',
    prepare(sql) {
      const known = statements.get(sql);
      if (known !== undefined) {
        // Moves to the end: what was used longest ago goes first.
        statements.delete(sql);
        statements.set(sql, known);
        return known;
      }
      const prepared = database.prepare(sql);
      const statement = prepared.reader ? prepared.raw() : prepared;
      statements.set(sql, statement);
      const [oldest] = statements.keys();
      if (statements.size > MAX_STATEMENTS && oldest !== undefined) statements.delete(oldest);
      return statement;
    },
  };
}

function rollback(database: SqliteDatabase): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // A full disk or a failed commit has rolled back already.
  }
}

function fileIdentity(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.dev}:${stats.ino}`;
}
