import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { z } from 'zod';
import type { EntityKey } from '../../../gen/feast/types/EntityKey_pb.ts';
import { laxBoolean } from '../../config/lax-values.ts';
import type {
  CallOptions,
  LoadOptions,
  OnlineEntity,
  OnlineRow,
  OnlineStore,
  OnlineTable,
  ReadOptions,
  StoreCapabilities,
  StoreChange,
  StoreContext,
  StoredRow,
  TableLoad,
  TableRead,
  WriteOptions,
} from '../online-store.ts';
import { readRows } from '../read-rows.ts';
import { keysFromRows, validateBlockTimes } from '../row-objects.ts';
import type { SpooledRows } from '../sql/row-spool.ts';
import { SpooledLoad } from '../sql/spooled-load.ts';
import { rowsInKeyOrder } from '../sql/write-order.ts';
import type { WriteBlock } from '../write-block.ts';
import { SqliteConnection, type SqliteReader } from './sqlite-connection.ts';
import type { SqliteDatabase } from './sqlite-driver.ts';
import { listTablesSql, sampleKeysSql } from './sqlite-inspection.ts';
import { addColumnSql, createIndexSql, createTableSql, dropTableSql, plainRowSql, tableName } from './sqlite-layout.ts';
import { blocksFromSpool, writeLoad } from './sqlite-load.ts';
import { LoadThread } from './sqlite-load-worker.ts';
import type { ReadThreadData } from './sqlite-read-messages.ts';
import { readInTurns } from './sqlite-read-turns.ts';
import { countTouched, type SqliteRead, SqliteRowReader, sqliteReadOf } from './sqlite-row-reader.ts';
import { StreamedLoad } from './sqlite-streamed-load.ts';
import { NoThread, SqliteThreadReader } from './sqlite-thread-reader.ts';
import { createSqliteClock, createZoneOffset, type SqliteClock } from './sqlite-time.ts';
import { columnNames, SqliteUpsert, type SqliteWrite } from './sqlite-upsert.ts';

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
    newestOnly: true,
    blockWrites: true,
    atomicLoads: true,
    keyOrderLoads: true,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
  };
  readonly #connection: SqliteConnection;
  readonly #threadData: ReadThreadData;
  readonly #thread: SqliteThreadReader;
  readonly #loadThreads = new Set<Worker>();
  /** The load that is written last of all. */
  #loading: Promise<void> = Promise.resolve();
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
    this.#threadData = { connection, timezone: settings.timezone };
    this.#thread = new SqliteThreadReader(this.#threadData);
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
    options?: WriteOptions,
  ): Promise<void> {
    const keys = keysFromRows(table, rows);
    const write = this.#writeOf(table, options);
    for (let start = 0; start < rows.length; ) {
      if (start > 0) await nextTurn();
      const end = transactionEnd(rows, start);
      await this.#connection.write((database) => {
        const upsert = new SqliteUpsert(database, write, this.#clock);
        for (let index = start; index < end; index++) {
          upsert.writeRow(rows[index] as OnlineRow, keys[index] as Uint8Array, index);
        }
      }, options);
      progress?.(end - start);
      start = end;
    }
  }

  async writeBlock(table: OnlineTable, block: WriteBlock, options?: WriteOptions): Promise<void> {
    validateBlockTimes(table, block);
    const write = this.#writeOf(table, options);
    const rows = rowsInKeyOrder(block);
    const step = Math.max(1, Math.floor(MAX_VALUES_PER_TRANSACTION / Math.max(1, block.features.length)));
    for (let start = 0; start < rows.length; start += step) {
      if (start > 0) await nextTurn();
      await this.#connection.write((database) => {
        new SqliteUpsert(database, write, this.#clock).writeRows(block, rows.subarray(start, start + step));
      }, options);
    }
  }

  async beginLoad(table: OnlineTable, options?: LoadOptions): Promise<TableLoad> {
    const write = this.#writeOf(table, { newestOnly: true });
    await this.#connection.read((reader) => reader.prepare(plainRowSql(tableName(table))), options);
    const streamed = options?.inKeyOrder === true ? await this.#beginStreamedLoad(table, write) : undefined;
    if (streamed !== undefined) return streamed;
    return new SpooledLoad(table, (rows, call) => this.#commitLoad(write, rows, call));
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
    await Promise.all([this.#thread.close(), ...[...this.#loadThreads].map((thread) => thread.terminate())]);
  }

  #createTable(database: SqliteDatabase, name: string): void {
    database.exec(createTableSql(name, this.#withValueNumber));
    database.exec(createIndexSql(name));
    // Tables of older Feast versions lack the search columns.
    const columns = columnNames(database, name);
    if (!columns.has('value_text')) database.exec(addColumnSql(name, 'value_text'));
    if (this.#withValueNumber && !columns.has('value_num')) database.exec(addColumnSql(name, 'value_num'));
  }

  #writeOf({ project, name }: OnlineTable, options: WriteOptions | undefined): SqliteWrite {
    const newestOnly = options?.newestOnly === true;
    return { table: { project, name }, withValueNumber: this.#withValueNumber, newestOnly };
  }

  /** @returns nothing where no thread can be started */
  async #beginStreamedLoad(table: OnlineTable, write: SqliteWrite): Promise<TableLoad | undefined> {
    if (!this.#hasThread) return undefined;
    try {
      const thread = LoadThread.start({ ...this.#threadData, write }, this.#loadThreads);
      await thread.up();
      return new StreamedLoad(table, write, thread, async () => {
        const before = this.#loading.catch(() => {});
        this.#loading = before.then(() => this.#connection.holdOthers(thread.ended));
        this.#loading.catch(() => {});
        await before;
      });
    } catch (error) {
      if (!(error instanceof NoThread)) throw error;
      this.#goWithoutThread(error);
      return undefined;
    }
  }

  /** One after the other: each locks the file until it has ended. */
  #commitLoad(write: SqliteWrite, rows: SpooledRows, call: CallOptions | undefined): Promise<void> {
    const before = this.#loading.catch(() => {});
    const load = before.then(() => this.#writeLoad(write, rows, call));
    this.#loading = load;
    return load;
  }

  async #writeLoad(write: SqliteWrite, rows: SpooledRows, call: CallOptions | undefined): Promise<void> {
    if (this.#hasThread && rows.values > MAX_VALUES_PER_TRANSACTION) {
      let giveUp = (): void => {};
      try {
        const data = { ...this.#threadData, write, rows, deadline: call?.deadline };
        const thread = LoadThread.start(data, this.#loadThreads);
        giveUp = () => thread.giveUp();
        call?.signal?.addEventListener('abort', giveUp, { once: true });
        await this.#connection.holdOthers(thread.ended);
        return;
      } catch (error) {
        if (!(error instanceof NoThread)) throw error;
        this.#goWithoutThread(error);
      } finally {
        call?.signal?.removeEventListener('abort', giveUp);
      }
    }
    await writeLoad(this.#connection, this.#clock, write, blocksFromSpool(rows), call);
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
    this.#warn(
      `Large reads and loads of SQLite are done on the main thread, in turns: no other can be started (${reason}).`,
    );
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

function transactionEnd(rows: readonly OnlineRow[], start: number): number {
  let end = start;
  for (let values = 0; end < rows.length && values < MAX_VALUES_PER_TRANSACTION; end++) {
    values += rows[end]?.values.size ?? 0;
  }
  return end;
}

function isTimezone(name: string): boolean {
  try {
    createZoneOffset(name);
    return true;
  } catch {
    return false;
  }
}
