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
  TableRead,
  WriteOptions,
} from '../online-store.ts';
import { PasswordFile } from '../password-file.ts';
import { readRows } from '../read-rows.ts';
import { unlimitedRetries } from '../retry-allowance.ts';
import { keysFromRows, validateBlockTimes } from '../row-objects.ts';
import type { WriteBlock } from '../write-block.ts';
import type { RedisClientOptions } from './redis-client.ts';
import { type RedisOnlineStoreConfig, RedisOnlineStoreSettings } from './redis-config.ts';
import { RedisConnection } from './redis-connection.ts';
import { sampleKeys } from './redis-inspection.ts';
import { RedisReader } from './redis-reader.ts';
import { removeTables } from './redis-removal.ts';
import { blocksFromRows } from './redis-row-blocks.ts';
import { WritePlan } from './redis-write-plan.ts';
import { RedisWriter } from './redis-writer.ts';

export { RedisOnlineStoreConfig, RedisOnlineStoreSettings } from './redis-config.ts';

/** Feast's Redis online store: one hash per entity and project, shared by the views with these join keys. */
export class RedisOnlineStore implements OnlineStore {
  readonly capabilities: StoreCapabilities;
  readonly #config: RedisOnlineStoreConfig;
  readonly #settings: RedisOnlineStoreSettings;
  readonly #connection: RedisConnection;
  readonly #reader: RedisReader;
  readonly #writer: RedisWriter;
  readonly #warn: (message: string) => void;
  readonly #passwordFile: PasswordFile | undefined;

  constructor(
    config: RedisOnlineStoreConfig,
    context: StoreContext,
    settings: RedisOnlineStoreSettings = RedisOnlineStoreSettings.parse({}),
  ) {
    this.#config = Object.freeze({ ...config });
    this.#settings = Object.freeze({ ...settings });
    this.#warn = context.warn;
    this.capabilities = {
      readMany: true,
      ttl: (config.key_ttl_seconds ?? 0) > 0,
      directWrite: true,
      keepsNewest: !config.skip_dedup,
      newestOnly: true,
      blockWrites: true,
      feastPython: { missingRow: 'PRESENT', missingFeature: 'PRESENT', missingFeatureTime: 'row' },
    };
    const { password_file: file } = settings;
    if (file !== undefined) {
      this.#passwordFile = new PasswordFile('sideboard.redis.password_file', file, context.repoPath);
    }
    const options: RedisClientOptions = {
      ...settings,
      redis_type: config.redis_type,
      sentinel_master: config.sentinel_master,
      target: config.connection_string,
      ...(this.#passwordFile !== undefined && { password: this.#passwordFile }),
      retries: context.retries ?? unlimitedRetries,
    };
    this.#connection = new RedisConnection(options);
    this.#reader = new RedisReader(options, this.#connection);
    this.#writer = new RedisWriter(options, this.#connection, context.warn);
    const { ignored } = config.connection_string;
    if (ignored.length > 0) context.warn(`online_store.connection_string: ${ignored.join(', ')} is ignored.`);
  }

  /**
   * Redis needs no tables, only an answer: whoever applies wants to know that it can be used. Rows of `tablesToDelete` are
   * removed, unless `full_scan_for_deletion` is off.
   */
  async update(change: StoreChange, options?: CallOptions): Promise<void> {
    if (change.tablesToKeep.length > 0) await this.ping(options);
    if (change.tablesToDelete.length === 0) return;
    if (!this.#config.full_scan_for_deletion) {
      const names = change.tablesToDelete.map((table) => table.name).join(', ');
      this.#warn(`full_scan_for_deletion is off: rows of the removed views stay in Redis (${names}).`);
      return;
    }
    await removeTables(this.#connection, change.tablesToDelete, options);
  }

  async teardown(
    tables: readonly OnlineTable[],
    _entities: readonly OnlineEntity[],
    options?: CallOptions,
  ): Promise<void> {
    await removeTables(this.#connection, tables, options);
  }

  async onlineWriteBatch(
    table: OnlineTable,
    rows: readonly OnlineRow[],
    progress?: (rows: number) => void,
    options?: WriteOptions,
  ): Promise<void> {
    const keys = keysFromRows(table, rows);
    const size = this.#settings.max_pipeline_keys;
    for (let start = 0; start < rows.length; start += size) {
      const end = Math.min(start + size, rows.length);
      for (const { block, numbers } of blocksFromRows(table, rows, keys, start, end)) {
        await this.#write(table, block, options, numbers);
      }
      progress?.(end - start);
    }
  }

  async writeBlock(table: OnlineTable, block: WriteBlock, options?: WriteOptions): Promise<void> {
    validateBlockTimes(table, block);
    await this.#write(table, block, options);
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

  async sampleKeys(table: OnlineTable, limit: number, options?: CallOptions): Promise<readonly Uint8Array[]> {
    return sampleKeys(this.#connection, table, limit, options);
  }

  /** Those of the lanes: one to every server for reads and one for writes, opened when they are needed. */
  connections(): StoreConnections {
    const [reads, writes] = [this.#reader.connections(), this.#writer.connections()];
    return {
      inUse: reads.inUse + writes.inUse,
      idle: reads.idle + writes.idle,
      connecting: reads.connecting + writes.connecting,
    };
  }

  secretVersion(): number | undefined {
    return this.#passwordFile?.version();
  }

  async ping(options?: CallOptions): Promise<void> {
    await this.#connection.run([['ping']], { repeatable: true }, options);
    await this.#reader.ping(options);
  }

  async close(): Promise<void> {
    this.#reader.close();
    this.#writer.close();
    this.#connection.close();
  }

  #write(
    table: OnlineTable,
    block: WriteBlock,
    options: WriteOptions | undefined,
    rowNumbers?: readonly number[],
  ): Promise<void> {
    const plan = new WritePlan(table, block, {
      guarded: !this.#config.skip_dedup || options?.newestOnly === true,
      ttl: this.#config.key_ttl_seconds ?? 0,
      isCluster: this.#connection.isCluster,
      maxRows: this.#settings.max_pipeline_keys,
      ...(rowNumbers !== undefined && { rowNumbers }),
    });
    return this.#writer.write(plan, options);
  }
}
