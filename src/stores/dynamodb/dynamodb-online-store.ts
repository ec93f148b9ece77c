import type { EntityKey } from '../../../gen/feast/types/EntityKey_pb.ts';
import { assertTimeLeft } from '../call-limits.ts';
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
  TableRead,
  WriteOptions,
} from '../online-store.ts';
import { readRows } from '../read-rows.ts';
import { keysFromRows } from '../row-objects.ts';
import { DynamoClient } from './dynamodb-client.ts';
import { type DynamoDBOnlineStoreConfig, DynamoDBOnlineStoreSettings } from './dynamodb-config.ts';
import { writeNewestItems } from './dynamodb-newest-writer.ts';
import { DynamoReader } from './dynamodb-reader.ts';
import { namesProject } from './dynamodb-table-name.ts';
import { DynamoTables } from './dynamodb-tables.ts';
import { planWrites } from './dynamodb-write-plan.ts';
import { DynamoWriter } from './dynamodb-writer.ts';

export { DynamoDBOnlineStoreConfig, DynamoDBOnlineStoreSettings } from './dynamodb-config.ts';

/** Feast's DynamoDB online store: one table per view, one item per entity. */
export class DynamoDBOnlineStore implements OnlineStore {
  readonly capabilities: StoreCapabilities = {
    readMany: true,
    ttl: false,
    directWrite: true,
    keepsNewest: false,
    newestOnly: true,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
  };
  /** Absent where tables are named without their project: those of others would be listed too. */
  readonly listTables?: NonNullable<OnlineStore['listTables']>;
  readonly #client: DynamoClient;
  readonly #tables: DynamoTables;
  readonly #reader: DynamoReader;
  readonly #writer: DynamoWriter;
  readonly #parallel: number;

  constructor(
    config: DynamoDBOnlineStoreConfig,
    context: StoreContext,
    settings: DynamoDBOnlineStoreSettings = DynamoDBOnlineStoreSettings.parse({}),
  ) {
    const client = new DynamoClient(config, settings, context.retries);
    const tables = new DynamoTables({ client, config, timeoutMs: settings.table_timeout_ms, warn: context.warn });
    this.#client = client;
    this.#tables = tables;
    this.#reader = new DynamoReader({
      client,
      nameOf: ({ table }) => tables.nameOf(table),
      batchSize: config.batch_size,
      isConsistent: config.consistent_reads,
      parallel: config.max_read_workers,
    });
    this.#writer = new DynamoWriter(client, config.max_read_workers);
    this.#parallel = config.max_read_workers;
    if (namesProject(config.table_name_template)) {
      this.listTables = (project, options) => tables.list(project, options);
    }
  }

  async update(change: StoreChange, options?: CallOptions): Promise<void> {
    await this.#tables.ensure(change.tablesToKeep, options);
    await this.#tables.remove(change.tablesToDelete, options);
  }

  async teardown(
    tables: readonly OnlineTable[],
    _entities: readonly OnlineEntity[],
    options?: CallOptions,
  ): Promise<void> {
    await this.#tables.remove(tables, options);
  }

  async onlineWriteBatch(
    table: OnlineTable,
    rows: readonly OnlineRow[],
    progress?: (rows: number) => void,
    options?: WriteOptions,
  ): Promise<void> {
    if (rows.length === 0) return;
    assertTimeLeft(options, 'writing rows');
    const keys = keysFromRows(table, rows);
    const newestOnly = options?.newestOnly === true;
    const writes = planWrites(table, rows, keys, newestOnly);
    const name = this.#tables.nameOf(table);
    if (newestOnly) await writeNewestItems(this.#client, this.#parallel, name, writes, progress, options);
    else await this.#writer.write(name, writes, progress, options);
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
    await this.#reader.read(reads, options);
  }

  connections(): StoreConnections {
    return this.#client.connections();
  }

  async ping(options?: CallOptions): Promise<void> {
    await this.#reader.ping(options);
  }

  async close(): Promise<void> {
    this.#client.close();
  }
}
