import type { EntityKey } from '../../../gen/feast/types/EntityKey_pb.ts';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import type {
  CallOptions,
  OnlineEntity,
  OnlineRow,
  OnlineStore,
  OnlineTable,
  ReadOptions,
  StoreCapabilities,
  StoreChange,
  StoreConnections,
  StoreContext,
  StoredRow,
  TableLoad,
  TableRead,
  WriteOptions,
} from '../online-store.ts';
import { connectWithNewest, PasswordFile } from '../password-file.ts';
import { readRows } from '../read-rows.ts';
import { unlimitedRetries } from '../retry-allowance.ts';
import { keysFromRows, validateBlockTimes } from '../row-objects.ts';
import { commitRows } from '../sql/commit-rows.ts';
import { SpooledLoad } from '../sql/spooled-load.ts';
import { SqlDatabase } from '../sql/sql-database.ts';
import { rowsInKeyOrder, rowsOf } from '../sql/write-order.ts';
import type { WriteBlock } from '../write-block.ts';
import { type PostgreSQLOnlineStoreConfig, PostgreSQLOnlineStoreSettings } from './postgres-config.ts';
import { PostgresConnection } from './postgres-connection.ts';
import type { PostgresClientOptions } from './postgres-driver.ts';
import { isConflict, isLoss, storeErrorFromPostgres } from './postgres-errors.ts';
import {
  bytesFromText,
  createTableSql,
  cutName,
  dropTableSql,
  listTablesSql,
  PostgresTableNames,
  quoteName,
  sampleKeysSql,
} from './postgres-layout.ts';
import { PostgresReader } from './postgres-reader.ts';
import { tlsAttempts } from './postgres-tls.ts';
import { PostgresUpsert, type PostgresWrite } from './postgres-upsert.ts';
import { batchOf, writeBlockRows } from './postgres-write.ts';

export { PostgreSQLOnlineStoreConfig, PostgreSQLOnlineStoreSettings } from './postgres-config.ts';

/** A statement that the server ends by itself gets so much longer than the call that waits for it, in milliseconds. */
const SERVER_GRACE_MS = 200;
const CLIENT_GRACE_MS = 1000;
const KEEP_ALIVE_MS = 15_000;

/** Feast's PostgreSQL online store: one table per view, one row per entity and feature. */
export class PostgreSQLOnlineStore implements OnlineStore {
  readonly capabilities: StoreCapabilities = {
    readMany: true,
    ttl: false,
    directWrite: true,
    keepsNewest: false,
    newestOnly: true,
    blockWrites: true,
    atomicLoads: true,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row-if-any' },
  };
  readonly #config: PostgreSQLOnlineStoreConfig;
  readonly #database: SqlDatabase<PostgresConnection>;
  readonly #passwordFile: PasswordFile | undefined;
  readonly #reader: PostgresReader;
  readonly #names = new PostgresTableNames();

  constructor(
    config: PostgreSQLOnlineStoreConfig,
    context: StoreContext,
    settings: PostgreSQLOnlineStoreSettings = PostgreSQLOnlineStoreSettings.parse({}),
  ) {
    this.#config = Object.freeze({ ...config });
    const where = `PostgreSQL at ${config.host}:${config.port}`;
    const { password_file: file } = settings;
    const secret =
      file === undefined ? undefined : new PasswordFile('sideboard.postgres.password_file', file, context.repoPath);
    this.#passwordFile = secret;
    const clients = () =>
      clientOptions({ ...config, password: secret?.read() ?? config.password }, settings, context.repoPath);
    const connect = { clients, settings, where };
    const open = async (onBroken: () => void): Promise<PostgresConnection> => {
      try {
        return await PostgresConnection.open(connect, onBroken);
      } catch (error) {
        throw storeErrorFromPostgres(error, where);
      }
    };
    this.#database = new SqlDatabase<PostgresConnection>({
      pool: {
        connect: (onBroken) => connectWithNewest(secret, () => open(onBroken)),
        where,
        maxConnections: config.max_conn,
        minConnections: config.min_conn,
        idleTimeoutMs: settings.idle_timeout_ms,
        acquireTimeoutMs: settings.acquire_timeout_ms,
        maxWaiting: settings.max_waiting_calls,
        settings: 'online_store.max_conn, sideboard.postgres.acquire_timeout_ms and max_waiting_calls',
      },
      readTimeoutMs: settings.read_timeout_ms,
      isLoss,
      isConflict,
      translate: (error) => storeErrorFromPostgres(error, where),
      retries: context.retries ?? unlimitedRetries,
    });
    this.#reader = new PostgresReader(this.#database, this.#names);
  }

  async update(change: StoreChange, options?: CallOptions): Promise<void> {
    const drops = change.tablesToDelete.map((table) => dropTableSql(this.#names.of(table)));
    const creates = change.tablesToKeep.flatMap((table) => this.#createSql(table));
    await this.#database.transact(async (connection) => {
      if (creates.length > 0) await this.#createSchema(connection);
      for (const statement of [...drops, ...creates]) await connection.change(statement);
    }, options);
  }

  async teardown(
    tables: readonly OnlineTable[],
    _entities: readonly OnlineEntity[],
    options?: CallOptions,
  ): Promise<void> {
    const drops = tables.map((table) => dropTableSql(this.#names.of(table)));
    await this.#database.transact(async (connection) => {
      for (const statement of drops) await connection.change(statement);
    }, options);
  }

  async onlineWriteBatch(
    table: OnlineTable,
    rows: readonly OnlineRow[],
    progress?: (rows: number) => void,
    options?: WriteOptions,
  ): Promise<void> {
    const keys = keysFromRows(table, rows);
    const write = batchOf(this.#writeOf(table, options), rows, keys);
    if (rows.length === 0) return;
    await this.#database.transact(write, options);
    progress?.(rows.length);
  }

  async writeBlock(table: OnlineTable, block: WriteBlock, options?: WriteOptions): Promise<void> {
    validateBlockTimes(table, block);
    if (block.rows === 0) return;
    const write = this.#writeOf(table, options);
    const rows = rowsInKeyOrder(block);
    await this.#database.transact((connection) => writeBlockRows(connection, write, block, rows), options);
  }

  async beginLoad(table: OnlineTable, options?: CallOptions): Promise<TableLoad> {
    const write = this.#writeOf(table, { newestOnly: true });
    await this.#database.change((connection) => PostgresUpsert.begin(connection, write), options);
    return new SpooledLoad(table, (rows, call) => {
      const writeRows = (connection: PostgresConnection, block: WriteBlock): Promise<void> =>
        writeBlockRows(connection, write, block, rowsOf(block));
      return commitRows(this.#database, rows, writeRows, call);
    });
  }

  onlineRead(
    table: OnlineTable,
    entityKeys: readonly EntityKey[],
    requestedFeatures?: readonly string[],
    options?: ReadOptions,
  ): Promise<readonly (StoredRow | undefined)[]> {
    return readRows(this, table, entityKeys, requestedFeatures, options);
  }

  readMany(reads: readonly TableRead[], options?: CallOptions): Promise<void> {
    return this.#reader.read(reads, options);
  }

  async listTables(project: string, options?: CallOptions): Promise<readonly string[]> {
    const rows = await this.#database.read((connection) => connection.query(listTablesSql), options);
    const prefix = `${project}_`;
    const names = rows.map(([name]) => name ?? '');
    return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  }

  async sampleKeys(table: OnlineTable, limit: number, options?: CallOptions): Promise<readonly Uint8Array[]> {
    const sql = sampleKeysSql(this.#names.of(table), Math.ceil(limit / 2));
    const rows = await this.#database.read((connection) => connection.query(sql), options);
    return rows.slice(0, limit).map(([key]) => bytesFromText(key ?? ''));
  }

  connections(): StoreConnections {
    return this.#database.connections();
  }

  secretVersion(): number | undefined {
    return this.#passwordFile?.version();
  }

  async ping(options?: CallOptions): Promise<void> {
    await this.#database.read((connection) => connection.query('SELECT 1'), options);
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #writeOf(table: OnlineTable, options: WriteOptions | undefined): PostgresWrite {
    const { vector_enabled: vectors } = this.#config;
    return { table, name: this.#names.of(table), vectors, newestOnly: options?.newestOnly === true };
  }

  #createSql(table: OnlineTable): string[] {
    return createTableSql(this.#names.of(table), {
      vectors: this.#config.vector_enabled,
      withValueNumber: this.#config.enable_openai_compatible_store,
      withTextIndex: table.features.some(({ valueType }) => valueType === ValueType_Enum.STRING),
    });
  }

  /** Looks first: who may create tables in a schema need not be allowed to create one. */
  async #createSchema(connection: PostgresConnection): Promise<void> {
    const { db_schema: schema, user } = this.#config;
    const name = cutName(schema || user);
    const found = await connection.change('SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1', [name]);
    if (found.length > 0) return;
    await connection.change(`CREATE SCHEMA IF NOT EXISTS ${quoteName(name)} AUTHORIZATION ${quoteName(user)}`);
  }
}

function clientOptions(
  config: PostgreSQLOnlineStoreConfig,
  settings: PostgreSQLOnlineStoreSettings,
  repoPath: string,
): readonly PostgresClientOptions[] {
  const { host, port, user, password, database } = config;
  return tlsAttempts(config, repoPath).map((ssl) => ({
    host,
    port,
    user,
    password,
    database,
    ssl,
    options: sessionOptions(config, settings),
    application_name: 'sideboard',
    // The connection has a limit of its own, which comes first.
    connectionTimeoutMillis: settings.connect_timeout_ms + CLIENT_GRACE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: config.keepalives_idle == null ? KEEP_ALIVE_MS : config.keepalives_idle * 1000,
    pipeline: true,
    types: { getTypeParser: () => asItIs },
  }));
}

/** The search path is Feast's; the rest is what the server or its administrator may have set otherwise. */
function sessionOptions(config: PostgreSQLOnlineStoreConfig, settings: PostgreSQLOnlineStoreSettings): string {
  const name = (config.db_schema || config.user).trim();
  // Feast writes the name as it is, which PostgreSQL reads in small letters; what it could not read at all is quoted.
  const schema = /^[\p{L}_][\p{L}\p{N}_$]*$/u.test(name) ? name : quoteName(name);
  const session = {
    search_path: schema === 'public' ? schema : `${schema},public`,
    statement_timeout: String(settings.read_timeout_ms + SERVER_GRACE_MS),
    TimeZone: 'UTC',
    bytea_output: 'hex',
    // Compiling costs more than any of these queries.
    jit: 'off',
  };
  return Object.entries(session)
    .map(([name, value]) => `-c ${name}=${value.replace(/[\\\s]/g, '\\$&')}`)
    .join(' ');
}

function asItIs(text: string): string {
  return text;
}
