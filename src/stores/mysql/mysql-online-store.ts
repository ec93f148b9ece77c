import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { isAbsolute, join } from 'node:path';
import type { EntityKey } from '../../../gen/feast/types/EntityKey_pb.ts';
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
import { StoreError } from '../store-error.ts';
import type { WriteBlock } from '../write-block.ts';
import { type MySQLOnlineStoreConfig, MySQLOnlineStoreSettings } from './mysql-config.ts';
import { MysqlConnection } from './mysql-connection.ts';
import type { MysqlClientOptions, MysqlTlsOptions } from './mysql-driver.ts';
import { isConflict, isDuplicateIndex, isLoss, storeErrorFromMysql } from './mysql-errors.ts';
import { listTablesSql, sampleKeysSql } from './mysql-inspection.ts';
import { addIndexSql, createTableSql, dropTableSql, findIndexSql, tableName } from './mysql-layout.ts';
import { MysqlReader } from './mysql-reader.ts';
import type { MysqlWrite } from './mysql-upsert.ts';
import { batchOf, validateNames, writeBlockRows } from './mysql-write.ts';

export { MySQLOnlineStoreConfig, MySQLOnlineStoreSettings } from './mysql-config.ts';

/** A statement that the server ends by itself gets so much longer than the call that waits for it, in milliseconds. */
const SERVER_GRACE_MS = 200;

const CLIENT_GRACE_MS = 1000;

/** Feast's MySQL online store: one table per view, one row per entity and feature. */
export class MySQLOnlineStore implements OnlineStore {
  readonly capabilities: StoreCapabilities = {
    readMany: true,
    ttl: false,
    directWrite: true,
    keepsNewest: false,
    newestOnly: true,
    blockWrites: true,
    atomicLoads: true,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
  };
  readonly #database: SqlDatabase<MysqlConnection>;
  readonly #passwordFile: PasswordFile | undefined;
  readonly #reader: MysqlReader;
  /** Lists of features of which MySQL tells every name apart, by table. */
  readonly #validNames = new Map<string, string>();

  constructor(
    config: MySQLOnlineStoreConfig,
    context: StoreContext,
    settings: MySQLOnlineStoreSettings = MySQLOnlineStoreSettings.parse({}),
  ) {
    const where = `MySQL at ${config.host}:${config.port}`;
    const { password_file: file } = settings;
    const secret =
      file === undefined ? undefined : new PasswordFile('sideboard.mysql.password_file', file, context.repoPath);
    this.#passwordFile = secret;
    const client = () =>
      clientOptions({ ...config, password: secret?.read() ?? config.password }, settings, context.repoPath);
    const connect = { client, settings, where };
    const open = async (onBroken: () => void): Promise<MysqlConnection> => {
      try {
        return await MysqlConnection.open(connect, onBroken);
      } catch (error) {
        throw storeErrorFromMysql(error, where);
      }
    };
    this.#database = new SqlDatabase<MysqlConnection>({
      pool: {
        connect: (onBroken) => connectWithNewest(secret, () => open(onBroken)),
        where,
        maxConnections: settings.max_connections,
        minConnections: settings.min_connections,
        idleTimeoutMs: settings.idle_timeout_ms,
        acquireTimeoutMs: settings.acquire_timeout_ms,
        maxWaiting: settings.max_waiting_calls,
        settings: 'sideboard.mysql.max_connections, acquire_timeout_ms and max_waiting_calls',
      },
      readTimeoutMs: settings.read_timeout_ms,
      isLoss,
      isConflict,
      translate: (error) => storeErrorFromMysql(error, where),
      retries: context.retries ?? unlimitedRetries,
    });
    this.#reader = new MysqlReader(this.#database, settings.read_timeout_ms + SERVER_GRACE_MS);
  }

  async update(change: StoreChange, options?: CallOptions): Promise<void> {
    await this.#database.change(async (connection) => {
      for (const table of change.tablesToKeep) await createTable(connection, tableName(table));
      for (const table of change.tablesToDelete) await connection.change(dropTableSql(tableName(table)));
    }, options);
    this.#validNames.clear();
  }

  async teardown(
    tables: readonly OnlineTable[],
    _entities: readonly OnlineEntity[],
    options?: CallOptions,
  ): Promise<void> {
    await this.#database.change(async (connection) => {
      for (const table of tables) await connection.change(dropTableSql(tableName(table)));
    }, options);
    this.#validNames.clear();
  }

  async onlineWriteBatch(
    table: OnlineTable,
    rows: readonly OnlineRow[],
    progress?: (rows: number) => void,
    options?: WriteOptions,
  ): Promise<void> {
    const keys = keysFromRows(table, rows);
    const { features, writeTo } = batchOf(writeOf(table, options), rows, keys);
    if (rows.length === 0) return;
    await this.#database.transact(async (connection) => {
      await this.#validateNames(connection, table, features);
      await writeTo(connection);
    }, options);
    progress?.(rows.length);
  }

  async writeBlock(table: OnlineTable, block: WriteBlock, options?: WriteOptions): Promise<void> {
    validateBlockTimes(table, block);
    if (block.rows === 0) return;
    const rows = rowsInKeyOrder(block);
    await this.#database.transact(
      (connection) => this.#writeBlock(connection, writeOf(table, options), block, rows),
      options,
    );
  }

  async beginLoad(table: OnlineTable, options?: CallOptions): Promise<TableLoad> {
    await this.#database.change((connection) => connection.change(sampleKeysSql(tableName(table), 0)), options);
    const write = writeOf(table, { newestOnly: true });
    return new SpooledLoad(table, (rows, call) => {
      const writeRows = (connection: MysqlConnection, block: WriteBlock): Promise<void> =>
        this.#writeBlock(connection, write, block, rowsOf(block));
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
    const names = rows.map(([name]) => String(name));
    return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  }

  async sampleKeys(table: OnlineTable, limit: number, options?: CallOptions): Promise<readonly Uint8Array[]> {
    const sql = sampleKeysSql(tableName(table), Math.ceil(limit / 2));
    const rows = await this.#database.read((connection) => connection.query(sql), options);
    const keys = rows.map(([key]) => String(key)).filter((key) => /^([0-9a-f]{2})+$/i.test(key));
    return keys.slice(0, limit).map((key) => Buffer.from(key, 'hex'));
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

  async #writeBlock(
    connection: MysqlConnection,
    write: MysqlWrite,
    block: WriteBlock,
    rows: Iterable<number>,
  ): Promise<void> {
    await this.#validateNames(connection, write.table, block.features);
    await writeBlockRows(connection, write, block, rows);
  }

  /**
   * Once per table and list of features, unless an apply comes between.
   * @param written names of features, beside those that the table has
   */
  async #validateNames(connection: MysqlConnection, table: OnlineTable, written: Iterable<string>): Promise<void> {
    const names = [...new Set([...table.features.map(({ name }) => name), ...written])];
    const name = tableName(table);
    const list = names.join('\0');
    if (this.#validNames.get(name) === list) return;
    await validateNames(connection, table, names);
    this.#validNames.set(name, list);
  }
}

function writeOf(table: OnlineTable, options: WriteOptions | undefined): MysqlWrite {
  return { table, newestOnly: options?.newestOnly === true };
}

async function createTable(connection: MysqlConnection, name: string): Promise<void> {
  await connection.change(createTableSql(name));
  const indexes = await connection.change(findIndexSql(name));
  if (indexes.length > 0) return;
  try {
    await connection.change(addIndexSql(name));
  } catch (error) {
    if (!isDuplicateIndex(error)) throw error;
  }
}

function clientOptions(
  config: MySQLOnlineStoreConfig,
  settings: MySQLOnlineStoreSettings,
  repoPath: string,
): MysqlClientOptions {
  const { host, port, user, password, database } = config;
  if (settings.tls === 'verify-full' && isIP(host) !== 0) {
    // mysql2 would compare the certificate with "localhost".
    throw new StoreError(
      'STORE_UNAVAILABLE',
      `The host ${host} is an address, which sideboard.mysql.tls cannot verify.`,
      {
        hint: 'Use the host name that is in its certificate, or verify-ca.',
      },
    );
  }
  return {
    host,
    port,
    user,
    password,
    database,
    charset: 'utf8mb4',
    // The connection has a limit of its own, which comes first.
    connectTimeout: settings.connect_timeout_ms + CLIENT_GRACE_MS,
    enableKeepAlive: true,
    keepAliveInitialDelay: settings.keep_alive_ms,
    ...(settings.tls === 'off' ? {} : { ssl: tlsOptions(settings, repoPath) }),
  };
}

function tlsOptions(settings: MySQLOnlineStoreSettings, repoPath: string): MysqlTlsOptions {
  const read = (key: 'tls_ca' | 'tls_cert' | 'tls_key'): Buffer | undefined => {
    const path = settings[key];
    if (path === undefined) return undefined;
    const file = isAbsolute(path) ? path : join(repoPath, path);
    try {
      return readFileSync(file);
    } catch (cause) {
      throw new StoreError('STORE_UNAVAILABLE', `The file of sideboard.mysql.${key} cannot be read: ${file}.`, {
        hint: 'Check the path and the permissions of the file.',
        cause,
      });
    }
  };
  const [ca, cert, key] = [read('tls_ca'), read('tls_cert'), read('tls_key')];
  return {
    rejectUnauthorized: settings.tls !== 'require',
    verifyIdentity: settings.tls === 'verify-full',
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  };
}
