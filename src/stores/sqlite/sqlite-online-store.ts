import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import type { EntityKey } from '../../../gen/feast/types/EntityKey_pb.ts';
import { laxBoolean } from '../../config/lax-values.ts';
import type {
  CallOptions,
  EventTimestamp,
  OnlineEntity,
  OnlineRow,
  OnlineStore,
  OnlineTable,
  ReadOptions,
  StoreCapabilities,
  StoreChange,
  StoreContext,
  StoredRow,
  TableRead,
} from '../online-store.ts';
import { readRows } from '../read-rows.ts';
import { asBuffer, describeTable, keysFromRows } from '../row-objects.ts';
import { type SearchColumns, searchColumns } from '../sql/search-columns.ts';
import { StoreError } from '../store-error.ts';
import { SqliteConnection, type SqliteReader } from './sqlite-connection.ts';
import type { SqliteDatabase } from './sqlite-driver.ts';
import { listTablesSql, sampleKeysSql } from './sqlite-inspection.ts';
import {
  addColumnSql,
  createIndexSql,
  createTableSql,
  dropTableSql,
  quoteName,
  tableName,
  upsertSql,
} from './sqlite-layout.ts';
import { readInTurns } from './sqlite-read-turns.ts';
import { countTouched, type SqliteRead, SqliteRowReader, sqliteReadOf } from './sqlite-row-reader.ts';
import { NoThread, SqliteThreadReader } from './sqlite-thread-reader.ts';
import { createSqliteClock, createZoneOffset, type SqliteClock } from './sqlite-time.ts';

/** `online_store:` of type `sqlite`: Feast's keys with Feast's defaults. */
export const SqliteOnlineStoreConfig = z.strictObject({
  /** The database file, relative to the folder of feature_store.yaml. */
  path: z.string().min(1).default('data/online.db'),
  /** Keeps the numeric search column `value_num` of Feast's OpenAI-compatible search filled. */
  enable_openai_compatible_store: laxBoolean().default(false),
  /** The next three belong to Feast's document search. They are accepted; rows are written without vectors. */
  vector_enabled: laxBoolean().nullish(),
  similarity: z.string().nullish(),
  text_search_enabled: laxBoolean().nullish(),
});
export type SqliteOnlineStoreConfig = z.infer<typeof SqliteOnlineStoreConfig>;

/** `sideboard.sqlite:` in feature_store.yaml. */
export const SqliteOnlineStoreSettings = z.strictObject({
  /** IANA zone of the machine that wrote the file with Feast: its times are shifted by that zone's offset. */
  timezone: z
    .string()
    .refine(isTimezone)
    .meta({ expected: 'an IANA time zone, for example Europe/Berlin' })
    .default('UTC'),
  /** How long a call waits for another process's lock, in milliseconds. */
  busy_timeout_ms: z.int().min(0).max(600_000).default(1000),
  /** `wal`: the first write switches the file to write-ahead logging. `keep`: it stays as it is (network file systems). */
  journal_mode: z.enum(['wal', 'keep']).default('wal'),
});
export type SqliteOnlineStoreSettings = z.infer<typeof SqliteOnlineStoreSettings>;

/** Reads that touch more values than this go to the other thread: these take about a millisecond. */
const MAX_VALUES_HERE = 2000;
/** Values of one transaction, so that a big batch neither blocks the process nor other readers for long. */
const MAX_VALUES_PER_TRANSACTION = 2000;

/** Feast's SQLite online store: one file, one table per view, one row per entity and feature. */
export class SqliteOnlineStore implements OnlineStore {
  readonly capabilities: StoreCapabilities = {
    readMany: true,
    ttl: false,
    directWrite: true,
    keepsNewest: false,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
  };
  readonly #connection: SqliteConnection;
  readonly #thread: SqliteThreadReader;
  #hasThread = true;
  readonly #warn: (message: string) => void;
  readonly #clock: SqliteClock;
  readonly #rowReaders = new WeakMap<
    readonly string[],
    { readonly table: OnlineTable; readonly rows: SqliteRowReader }
  >();
  readonly #withValueNumber: boolean;

  constructor(
    config: SqliteOnlineStoreConfig,
    context: StoreContext,
    settings: SqliteOnlineStoreSettings = SqliteOnlineStoreSettings.parse({}),
  ) {
    const connection = {
      path: isAbsolute(config.path) ? config.path : join(context.repoPath, config.path),
      busyTimeoutMs: settings.busy_timeout_ms,
      wal: settings.journal_mode === 'wal',
    };
    this.#connection = new SqliteConnection(connection);
    this.#thread = new SqliteThreadReader({ connection, timezone: settings.timezone });
    this.#clock = createSqliteClock(settings.timezone);
    this.#warn = context.warn;
    this.#withValueNumber = config.enable_openai_compatible_store;
    if (config.vector_enabled === true) {
      context.warn(
        'online_store.vector_enabled: rows are written without vectors; Feast itself must write vector views.',
      );
    }
  }

  async update(change: StoreChange, options?: CallOptions): Promise<void> {
    await this.#connection.write(
      (database) => {
        for (const table of change.tablesToKeep) this.#createTable(database, tableName(table));
        for (const table of change.tablesToDelete) database.exec(dropTableSql(tableName(table)));
      },
      options,
      true,
    );
  }

  /** Drops the tables; the file stays, because it may hold other projects. (Feast deletes the whole file.) */
  async teardown(
    tables: readonly OnlineTable[],
    _entities: readonly OnlineEntity[],
    options?: CallOptions,
  ): Promise<void> {
    if (tables.length === 0) return;
    await this.#connection.write(
      (database) => {
        for (const table of tables) database.exec(dropTableSql(tableName(table)));
      },
      options,
      true,
    );
  }

  async onlineWriteBatch(
    table: OnlineTable,
    rows: readonly OnlineRow[],
    progress?: (rows: number) => void,
    options?: CallOptions,
  ): Promise<void> {
    const keys = keysFromRows(table, rows);
    for (let start = 0; start < rows.length; ) {
      if (start > 0) await nextTurn();
      const end = transactionEnd(rows, start);
      await this.#connection.write((database) => this.#upsert(database, table, rows, keys, start, end), options);
      progress?.(end - start);
      start = end;
    }
  }

  onlineRead(
    table: OnlineTable,
    entityKeys: readonly EntityKey[],
    requestedFeatures?: readonly string[],
    options?: ReadOptions,
  ): Promise<readonly (StoredRow | undefined)[]> {
    return readRows(this, table, entityKeys, requestedFeatures, options);
  }

  async readMany(reads: readonly TableRead[], options?: CallOptions): Promise<void> {
    const wanted = reads.filter(({ keys }) => keys.length > 0);
    if (wanted.length === 0) return;
    if (countTouched(wanted) > MAX_VALUES_HERE) return this.#readLarge(wanted.map(sqliteReadOf), options);
    const work = (reader: SqliteReader): void => {
      for (const read of wanted) this.#rowsOf(read).readRows(reader, read.keys, read.block, 0, read.keys.length);
    };
    // A single query needs no transaction to see one state of the file.
    const isSingle = wanted.length === 1 && wanted[0]?.keys.length === 1;
    await (isSingle ? this.#connection.read(work, options) : this.#connection.readTogether(work, options));
  }

  async listTables(project: string, options?: CallOptions): Promise<readonly string[]> {
    if (!existsSync(this.#connection.path)) return [];
    return this.#connection.read(
      (reader) => (reader.prepare(listTablesSql).all({ prefix: `${project}_` }) as [string][]).map(([name]) => name),
      options,
    );
  }

  async sampleKeys(table: OnlineTable, limit: number, options?: CallOptions): Promise<readonly Uint8Array[]> {
    const count = Math.ceil(limit / 2);
    return this.#connection.read((reader) => {
      const keys = reader.prepare(sampleKeysSql(tableName(table))).all({ count }) as [unknown][];
      return keys.flatMap(([key]) => (Buffer.isBuffer(key) ? [key] : [])).slice(0, limit);
    }, options);
  }

  async ping(options?: CallOptions): Promise<void> {
    await this.#connection.read((reader) => reader.prepare('SELECT count(*) FROM sqlite_master').all(), options);
  }

  async close(): Promise<void> {
    this.#connection.close();
    await this.#thread.close();
  }

  #createTable(database: SqliteDatabase, name: string): void {
    database.exec(createTableSql(name, this.#withValueNumber));
    database.exec(createIndexSql(name));
    // Tables of older Feast versions lack the search columns.
    const columns = columnNames(database, name);
    if (!columns.has('value_text')) database.exec(addColumnSql(name, 'value_text'));
    if (this.#withValueNumber && !columns.has('value_num')) database.exec(addColumnSql(name, 'value_num'));
  }

  #upsert(
    database: SqliteDatabase,
    table: OnlineTable,
    rows: readonly OnlineRow[],
    keys: readonly Uint8Array[],
    start: number,
    end: number,
  ): void {
    const name = tableName(table);
    const withNumber = this.#withValueNumber && columnNames(database, name).has('value_num');
    const statement = database.prepare(upsertSql(name, withNumber));
    for (let index = start; index < end; index++) {
      const row = rows[index];
      const key = keys[index];
      if (row === undefined || key === undefined) continue;
      const times = [this.#stored(row.eventTimestamp), this.#stored(row.createdTimestamp)];
      for (const [feature, value] of row.values) {
        const { text, number } = searchColumnsOf(value, feature, index, table);
        const search = withNumber ? [text, number] : [text];
        statement.run(asBuffer(key), feature, asBuffer(value), ...search, ...times);
      }
    }
  }

  #stored(time: EventTimestamp | undefined): bigint | null {
    // As a bigint it is bound as an integer; a number would be bound as a real.
    return time === undefined ? null : BigInt(this.#clock.storedSeconds(time));
  }

  async #readLarge(reads: readonly SqliteRead[], options: CallOptions | undefined): Promise<void> {
    if (this.#hasThread) {
      try {
        await this.#thread.read(reads, options);
        return;
      } catch (error) {
        if (!(error instanceof NoThread)) throw error;
        this.#goWithoutThread(error);
      }
    }
    await readInTurns(this.#connection, this.#clock, reads, MAX_VALUES_HERE, options);
  }

  #goWithoutThread({ cause }: NoThread): void {
    if (!this.#hasThread) return;
    this.#hasThread = false;
    const reason = cause instanceof Error ? cause.message : 'no reason given';
    this.#warn(`Large reads of SQLite are done on the main thread, in turns: no other can be started (${reason}).`);
  }

  /** What is prepared for a list of features. A compiled plan comes with the same list every time. */
  #rowsOf(read: TableRead): SqliteRowReader {
    const known = this.#rowReaders.get(read.features);
    if (known?.table === read.table) return known.rows;
    const rows = new SqliteRowReader(sqliteReadOf(read), this.#clock);
    this.#rowReaders.set(read.features, { table: read.table, rows });
    return rows;
  }
}

function columnNames(database: SqliteDatabase, name: string): Set<unknown> {
  const columns = database.pragma(`table_info(${quoteName(name)})`) as { readonly name: string }[];
  return new Set(columns.map((column) => column.name));
}

function transactionEnd(rows: readonly OnlineRow[], start: number): number {
  let end = start;
  for (let values = 0; end < rows.length && values < MAX_VALUES_PER_TRANSACTION; end++) {
    values += rows[end]?.values.size ?? 0;
  }
  return end;
}

function searchColumnsOf(value: Uint8Array, feature: string, row: number, table: OnlineTable): SearchColumns {
  try {
    return searchColumns(value);
  } catch (error) {
    throw new StoreError(
      'STORE_INVALID_ROW',
      `Feature "${feature}" in row ${row} of ${describeTable(table)} is no serialized feast.types.Value.`,
      { cause: error },
    );
  }
}

function isTimezone(name: string): boolean {
  try {
    createZoneOffset(name);
    return true;
  } catch {
    return false;
  }
}
