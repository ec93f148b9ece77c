import type { EntityKey } from '../../../gen/feast/types/EntityKey_pb.ts';
import { assertTimeLeft } from '../call-limits.ts';
import { DynamoClient } from '../dynamodb/dynamodb-client.ts';
import { isRefusal } from '../dynamodb/dynamodb-table-state.ts';
import { DynamoWriter } from '../dynamodb/dynamodb-writer.ts';
import { mayFindRows, mlforgeCapabilities } from '../mlforge/mlforge-capabilities.ts';
import { membersFromText } from '../mlforge/mlforge-rows.ts';
import type {
  CallOptions,
  HashedRow,
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
} from '../online-store.ts';
import { readRows } from '../read-rows.ts';
import { describeTable, keysFromRows } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import {
  clientConfigFromConfig,
  hintsForTable,
  type MlforgeDynamodbOnlineStoreConfig,
  MlforgeDynamodbOnlineStoreSettings,
} from './mlforge-dynamodb-config.ts';
import { assertFeatureName, ENTITY_KEY, FEATURE_VALUES, itemKey, planWrites } from './mlforge-dynamodb-layout.ts';
import { isExpired, MlforgeDynamoReader, wrongItem } from './mlforge-dynamodb-reader.ts';
import { scanFeatures } from './mlforge-dynamodb-scan.ts';
import { MlforgeDynamoTable } from './mlforge-dynamodb-table.ts';

export { MlforgeDynamodbOnlineStoreConfig, MlforgeDynamodbOnlineStoreSettings } from './mlforge-dynamodb-config.ts';

/** The rows that mlforge's `DynamoDBStore` keeps: one table for all features, one item per feature and entity. */
export class MlforgeDynamodbOnlineStore implements OnlineStore {
  readonly capabilities: StoreCapabilities;
  readonly #name: string;
  readonly #autoCreate: boolean;
  readonly #ttlSeconds: number;
  readonly #client: DynamoClient;
  readonly #table: MlforgeDynamoTable;
  readonly #reader: MlforgeDynamoReader;
  readonly #writer: DynamoWriter;
  readonly #hidesExpired: boolean;
  #isReady = false;

  constructor(
    config: MlforgeDynamodbOnlineStoreConfig,
    context: StoreContext,
    settings: MlforgeDynamodbOnlineStoreSettings = MlforgeDynamodbOnlineStoreSettings.parse({}),
  ) {
    this.#name = config.table_name;
    this.#autoCreate = config.auto_create;
    this.#ttlSeconds = config.ttl_seconds ?? 0;
    this.#hidesExpired = settings.expired_rows === 'hide';
    this.capabilities = mlforgeCapabilities({ ttl: this.#ttlSeconds > 0 });
    const client = new DynamoClient(
      clientConfigFromConfig(config, settings),
      settings,
      context.retries,
      hintsForTable(config.table_name),
    );
    const parallel = settings.max_read_workers;
    this.#client = client;
    this.#table = new MlforgeDynamoTable({
      client,
      name: config.table_name,
      autoCreate: config.auto_create,
      timeoutMs: settings.table_timeout_ms,
    });
    this.#reader = new MlforgeDynamoReader({
      client,
      table: config.table_name,
      parallel,
      hidesExpired: this.#hidesExpired,
    });
    this.#writer = new DynamoWriter(client, parallel);
  }

  /** Makes the one table where it is missing. The rows of `tablesToDelete` are removed; mlforge itself never removes any. */
  async update(change: StoreChange, options?: CallOptions): Promise<void> {
    for (const table of change.tablesToKeep) assertFeatureName(table);
    if (change.tablesToKeep.length > 0) await this.#table.ensure(options);
    await this.#remove(change.tablesToDelete, options);
  }

  /** Removes rows. The table stays: other projects, and mlforge, may keep theirs in it. */
  async teardown(
    tables: readonly OnlineTable[],
    _entities: readonly OnlineEntity[],
    options?: CallOptions,
  ): Promise<void> {
    await this.#remove(tables, options);
  }

  /** Every row replaces the one that is there, as a whole; of two rows of one entity the last stays. */
  async onlineWriteBatch(
    table: OnlineTable,
    rows: readonly OnlineRow[],
    progress?: (rows: number) => void,
    options?: CallOptions,
  ): Promise<void> {
    if (rows.length === 0) return;
    assertTimeLeft(options, 'writing rows');
    assertFeatureName(table);
    const keys = keysFromRows(table, rows);
    const moment = { micros: Date.now() * 1000, ttlSeconds: this.#ttlSeconds };
    const writes = planWrites(table, rows, keys, moment);
    // mlforge makes the table when it connects; without rows to write nothing needs it.
    if (this.#autoCreate && !this.#isReady) await this.#table.ensure(options);
    this.#isReady = true;
    await this.#writer.write(this.#name, writes, progress, options);
  }

  onlineRead(
    table: OnlineTable,
    entityKeys: readonly EntityKey[],
    requestedFeatures?: readonly string[],
    options?: ReadOptions,
  ): Promise<readonly (StoredRow | undefined)[]> {
    return readRows(this, table, entityKeys, requestedFeatures, options);
  }

  async readMany(reads: readonly TableRead[], options?: ReadOptions): Promise<void> {
    if (!mayFindRows(options)) return;
    await this.#reader.read(reads, options);
  }

  /** At most `limit` rows of a table that a walk over the table meets first. */
  async sampleHashedRows(table: OnlineTable, limit: number, options?: CallOptions): Promise<readonly HashedRow[]> {
    const found: HashedRow[] = [];
    const take = async (items: Parameters<Parameters<typeof scanFeatures>[3]>[0]): Promise<'enough' | undefined> => {
      for (const item of items) {
        if (found.length >= limit) return 'enough';
        if (this.#hidesExpired && isExpired(item)) continue;
        const [entityHash, text] = [item[ENTITY_KEY]?.S, item[FEATURE_VALUES]?.S];
        if (entityHash === undefined || text === undefined) throw wrongItem(this.#client.where, this.#name);
        found.push({ entityHash, members: membersFromText(text, () => `a sampled row of ${describeTable(table)}`) });
      }
      return found.length >= limit ? 'enough' : undefined;
    };
    try {
      await scanFeatures(this.#client, this.#name, [table.name], take, options);
    } catch (error) {
      const outOfTime = options?.deadline !== undefined && options.deadline <= Date.now();
      if (!(outOfTime && error instanceof StoreError && error.code === 'STORE_TIMEOUT')) throw error;
    }
    return found;
  }

  /** Looks at the table, as mlforge's `ping` does. Not being allowed to is an answer as well: the credentials were checked. */
  connections(): StoreConnections {
    return this.#client.connections();
  }

  async ping(options?: CallOptions): Promise<void> {
    try {
      if (await this.#table.isThere(options)) return;
    } catch (error) {
      if (isRefusal(error, 'AccessDenied')) return;
      throw error;
    }
    throw new StoreError('STORE_TABLE_MISSING', `${this.#client.where} has no table ${this.#name}.`, {
      hint: hintsForTable(this.#name)('STORE_TABLE_MISSING', 'DescribeTable') ?? '',
    });
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  async #remove(tables: readonly OnlineTable[], options: CallOptions | undefined): Promise<void> {
    if (tables.length === 0) return;
    const features = tables.map((table) => table.name);
    await scanFeatures(
      this.#client,
      this.#name,
      features,
      async (items) => {
        const keys = items.map((item) => itemKey(item.entity_key?.S ?? '', item.feature_name?.S ?? ''));
        await this.#writer.remove(this.#name, keys, options);
        return undefined;
      },
      options,
    );
  }
}
