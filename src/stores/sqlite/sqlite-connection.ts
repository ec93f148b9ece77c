import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertTimeLeft, timeLeft, withinLimits } from '../call-limits.ts';
import type { CallOptions } from '../online-store.ts';
import { StoreError } from '../store-error.ts';
import {
  loadSqliteDriver,
  type SqliteConstructor,
  type SqliteDatabase,
  type SqliteStatement,
} from './sqlite-driver.ts';
import { isBusy, isUnfinished, lockedError, missingFileError, storeErrorFromSqlite } from './sqlite-errors.ts';

const MAX_STATEMENTS = 256;
const FILE_CHECK_MS = 1000;
const FIRST_PAUSE_MS = 1;
const MAX_PAUSE_MS = 50;
/** Longest delay of a timer; no call waits that long. */
const NO_LIMIT = 2 ** 31 - 1;
/**
 * Bytes of a page in a file that is made here. SQLite's 4096 cost a third more time for a load of many rows, with as many more calls of
 * the system; reading one entity takes as long with either.
 */
const PAGE_BYTES = 16_384;
/**
 * Memory for pages that a long transaction has changed, in KiB. What exceeds it goes to the log already. Twice as much takes the process
 * above 400 MB for ten million rows, and loads a tenth faster at most.
 */
const LONG_CACHE_KIB = 32 * 1024;

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
  /** Long transactions under way, in whatever thread of this process. */
  readonly #long = new Set<Promise<void>>();

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

  /**
   * Runs `work` in one transaction on a handle of its own, with pauses in which other calls have their turn. They see nothing of it
   * before it is committed; those that write wait for it.
   */
  async writeLong(work: (database: SqliteDatabase) => Promise<void>, options?: CallOptions): Promise<void> {
    const database = await this.#run((Driver) => this.#beginLong(Driver), options);
    await this.holdOthers(this.#finishLong(database, work, options));
  }

  /**
   * Calls that find the file locked while a long transaction is under way wait for it, however long, and only then count the time
   * that they wait for other processes.
   * @param transaction it, in whatever thread
   */
  holdOthers(transaction: Promise<void>): Promise<void> {
    const settled = transaction.then(
      () => {},
      () => {},
    );
    this.#long.add(settled);
    void settled.then(() => this.#long.delete(settled));
    return transaction;
  }

  close(): void {
    this.#closed = true;
    this.#closeHandles();
  }

  #beginLong(Driver: SqliteConstructor): SqliteDatabase {
    const database = this.#newWriter(Driver, false);
    try {
      database.pragma(`cache_size = -${LONG_CACHE_KIB}`);
      database.exec('BEGIN IMMEDIATE');
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  async #finishLong(
    database: SqliteDatabase,
    work: (database: SqliteDatabase) => Promise<void>,
    options: CallOptions | undefined,
  ): Promise<void> {
    try {
      await work(database);
      // Without write-ahead logging it waits here for those who read.
      await this.#run(() => database.exec('COMMIT'), options, false);
    } catch (error) {
      rollback(database);
      throw storeErrorFromSqlite(error, this.path);
    } finally {
      database.close();
    }
  }

  async #run<T>(
    work: (Driver: SqliteConstructor) => T,
    options: CallOptions | undefined,
    waitsForLong = true,
  ): Promise<T> {
    const doing = `waiting for SQLite file ${this.path}`;
    this.#assertOpen();
    assertTimeLeft(options, doing);
    const Driver = await loadSqliteDriver();
    let giveUpAt = Date.now() + this.#options.busyTimeoutMs;
    let isLeftUnfinished = false;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
      this.#assertOpen();
      try {
        if (isLeftUnfinished) this.#takeBack(Driver);
        return work(Driver);
      } catch (error) {
        if (isUnfinished(error) && !isLeftUnfinished) {
          isLeftUnfinished = true;
          continue;
        }
        if (!isBusy(error)) throw storeErrorFromSqlite(error, this.path);
        if (waitsForLong && this.#long.size > 0) {
          await withinLimits(Promise.race(this.#long), options, NO_LIMIT, doing);
          giveUpAt = Date.now() + this.#options.busyTimeoutMs;
          continue;
        }
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

  /** Reading by a connection that may write takes back what a killed writer left. */
  #takeBack(Driver: SqliteConstructor): void {
    const database = new Driver(this.path, { fileMustExist: true, timeout: 0 });
    try {
      database.pragma('schema_version');
    } finally {
      database.close();
    }
  }

  #openWriter(Driver: SqliteConstructor, create: boolean): SqliteDatabase {
    if (this.#openedFile !== '' && this.#fileWasReplaced()) this.#closeHandles();
    if (this.#writer !== undefined) return this.#writer;
    this.#writer = this.#newWriter(Driver, create);
    this.#rememberFile();
    return this.#writer;
  }

  #newWriter(Driver: SqliteConstructor, create: boolean): SqliteDatabase {
    if (create) mkdirSync(dirname(this.path), { recursive: true });
    else if (!existsSync(this.path)) throw missingFileError(this.path);
    const writer = new Driver(this.path, { fileMustExist: !create, timeout: 0 });
    try {
      if (create) writer.pragma(`page_size = ${PAGE_BYTES}`);
      // A statement that calls a function may fail in its middle, so SQLite keeps what it needs to take it back: not in a file.
      writer.pragma('temp_store = MEMORY');
      if (this.#options.wal) writer.pragma('journal_mode = WAL');
    } catch (error) {
      // Another process is using the file right now: it stays in its mode, which is right as well.
      if (!isBusy(error)) {
        writer.close();
        throw error;
      }
    }
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
