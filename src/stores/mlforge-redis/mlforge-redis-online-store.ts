import type { EntityKey } from '../../../gen/feast/types/EntityKey_pb.ts';
import { mayFindRows, mlforgeCapabilities } from '../mlforge/mlforge-capabilities.ts';
import { createKeyHasher } from '../mlforge/mlforge-layout.ts';
import { createRowFiller, membersFromText } from '../mlforge/mlforge-rows.ts';
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
  StoreContext,
  StoredRow,
  TableRead,
} from '../online-store.ts';
import type { PasswordFile } from '../password-file.ts';
import { readRows } from '../read-rows.ts';
import { type RedisCommand, RedisConnection } from '../redis/redis-connection.ts';
import { walkSome } from '../redis/redis-inspection.ts';
import { unlimitedRetries } from '../retry-allowance.ts';
import { describeTable, keysFromRows } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import {
  clientOptionsFromConfig,
  type MlforgeRedisOnlineStoreConfig,
  MlforgeRedisOnlineStoreSettings,
} from './mlforge-redis-config.ts';
import { entityHashIn, keyPrefix, tablePattern, writeCommands } from './mlforge-redis-layout.ts';

export { MlforgeRedisOnlineStoreConfig, MlforgeRedisOnlineStoreSettings } from './mlforge-redis-config.ts';

/** The rows that mlforge's `RedisStore` keeps: one string per feature and entity, JSON without types. */
export class MlforgeRedisOnlineStore implements OnlineStore {
  readonly capabilities: StoreCapabilities;
  readonly #prefix: string;
  readonly #ttl: number;
  readonly #pipeline: number;
  /** Reads have a connection of their own: they do not wait behind a batch of writes. */
  readonly #reads: RedisConnection;
  readonly #writes: RedisConnection;
  readonly #passwordFile: PasswordFile | undefined;

  constructor(
    config: MlforgeRedisOnlineStoreConfig,
    context: StoreContext,
    settings: MlforgeRedisOnlineStoreSettings = MlforgeRedisOnlineStoreSettings.parse({}),
  ) {
    this.#prefix = config.prefix;
    this.#ttl = config.ttl ?? 0;
    this.#pipeline = settings.max_pipeline_keys;
    this.capabilities = mlforgeCapabilities({ ttl: this.#ttl > 0 });
    const retries = context.retries ?? unlimitedRetries;
    const options = clientOptionsFromConfig(config, settings, context.repoPath, retries);
    this.#passwordFile = options.password;
    this.#reads = new RedisConnection(options);
    this.#writes = new RedisConnection(options);
  }

  /**
   * Redis needs no tables, only an answer: whoever applies wants to know that it can be used. Rows of `tablesToDelete` are
   * removed; mlforge itself never removes any.
   */
  async update(change: StoreChange, options?: CallOptions): Promise<void> {
    if (change.tablesToKeep.length > 0) await this.ping(options);
    await this.#remove(change.tablesToDelete, options);
  }

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
    const keys = keysFromRows(table, rows);
    const prefix = keyPrefix(this.#prefix, table);
    const commands = writeCommands(table, rows, keys, prefix, this.#ttl);
    for (let start = 0; start < commands.length; start += this.#pipeline) {
      const part = commands.slice(start, start + this.#pipeline);
      await this.#writes.run(part, { repeatable: true }, options);
      progress?.(part.length);
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

  async readMany(reads: readonly TableRead[], options?: ReadOptions): Promise<void> {
    if (!mayFindRows(options)) return;
    // Not MGET: it answers null for a key of another type, and a row that cannot be read must not look like none.
    const commands: RedisCommand[] = [];
    const hashesOf = createKeyHasher();
    for (const { table, keys } of reads) {
      const prefix = keyPrefix(this.#prefix, table);
      for (const hash of hashesOf(keys)) commands.push(['get', prefix + hash]);
    }
    const replies = await this.#reads.run(commands, { repeatable: true }, options);
    let reply = 0;
    for (const read of reads) {
      const filler = createRowFiller(read);
      for (let row = 0; row < read.keys.length; row++) {
        const text = replies[reply++];
        if (Buffer.isBuffer(text)) filler.fill(row, text);
        else if (text !== null) throw noText(row, read.table);
      }
    }
  }

  /** At most `limit` rows of a table that a walk over the key space meets first. */
  async sampleHashedRows(table: OnlineTable, limit: number, options?: CallOptions): Promise<readonly HashedRow[]> {
    const prefix = keyPrefix(this.#prefix, table);
    const found = new Map<string, HashedRow>();
    await walkSome(
      this.#reads,
      'string',
      tablePattern(prefix),
      async (keys) => {
        const hashed = keys.flatMap((key) => entityHashIn(key, prefix) ?? []).slice(0, limit - found.size);
        const commands = hashed.map((hash): RedisCommand => ['get', prefix + hash]);
        const texts = await this.#reads.run(commands, { repeatable: true }, options);
        for (const [index, entityHash] of hashed.entries()) {
          const text = texts[index];
          if (!Buffer.isBuffer(text)) continue;
          const members = membersFromText(text, () => `a sampled row of ${describeTable(table)}`);
          found.set(entityHash, { entityHash, members });
        }
        return found.size >= limit ? 'enough' : undefined;
      },
      options,
    );
    return [...found.values()];
  }

  secretVersion(): number | undefined {
    return this.#passwordFile?.version();
  }

  async ping(options?: CallOptions): Promise<void> {
    await this.#reads.run([['ping']], { repeatable: true }, options);
  }

  async close(): Promise<void> {
    this.#reads.close();
    this.#writes.close();
  }

  async #remove(tables: readonly OnlineTable[], options: CallOptions | undefined): Promise<void> {
    for (const table of tables) {
      const prefix = keyPrefix(this.#prefix, table);
      const unlink = async (keys: Buffer[]): Promise<undefined> => {
        const own = keys.filter((key) => entityHashIn(key, prefix) !== undefined);
        if (own.length > 0) await this.#writes.run([['unlink', ...own]], { repeatable: true }, options);
      };
      await this.#writes.scan('string', tablePattern(prefix), unlink, options);
    }
  }
}

function noText(row: number, table: OnlineTable): StoreError {
  return new StoreError('STORE_CORRUPT', `Row ${row} of ${describeTable(table)} in Redis: its reply is not text.`);
}
