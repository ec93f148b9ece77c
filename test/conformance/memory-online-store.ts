import type { EntityKey } from '../../gen/feast/types/EntityKey_pb.ts';
import {
  assertTimeLeft,
  type CallOptions,
  describeTable,
  type EventTimestamp,
  keysFromRows,
  type OnlineEntity,
  type OnlineRow,
  type OnlineStore,
  type OnlineTable,
  type ReadOptions,
  rowsFromWriteBlock,
  type StoreCapabilities,
  type StoreChange,
  type StoredRow,
  StoreError,
  serializeKeys,
  type TableLoad,
  type TableRead,
  type WriteOptions,
} from '../../src/stores/index.ts';

export interface MemoryConfig {
  /** Stores with the same name share what they hold. */
  readonly name: string;
  readonly keepsNewest: boolean;
  /** It can do what loading needs: `newestOnly`, `blockWrites`, `atomicLoads`. */
  readonly loads?: boolean;
  readonly ttlSeconds: number | undefined;
  /** There is no database. */
  readonly down: boolean;
}

interface KeptRow {
  key: Uint8Array;
  time: EventTimestamp;
  created: EventTimestamp | undefined;
  readonly values: Map<string, Uint8Array>;
  expires: number;
}

type Tables = Map<string, Map<string, KeptRow>>;

const databases = new Map<string, Tables>();

/** What every mutation begins with: a store that does everything right, in the memory of the process. */
export class MemoryOnlineStore implements OnlineStore {
  readonly capabilities: StoreCapabilities;
  readonly tables: Tables;
  readonly writeBlock?: NonNullable<OnlineStore['writeBlock']>;
  readonly beginLoad?: NonNullable<OnlineStore['beginLoad']>;
  readonly #config: MemoryConfig;
  #closed = false;

  constructor(config: MemoryConfig) {
    this.#config = config;
    this.capabilities = memoryCapabilities(config);
    const tables = databases.get(config.name) ?? new Map();
    databases.set(config.name, tables);
    this.tables = tables;
    if (config.loads !== true) return;
    this.writeBlock = async (table, block, options) => {
      await this.onlineWriteBatch(table, rowsFromWriteBlock(block), undefined, options);
    };
    this.beginLoad = async (table, options) => {
      this.#check(options);
      return this.#load(table);
    };
  }

  async update(change: StoreChange, options?: CallOptions): Promise<void> {
    this.#check(options);
    for (const table of change.tablesToKeep) {
      if (!this.tables.has(idOf(table))) this.tables.set(idOf(table), new Map());
    }
    for (const table of change.tablesToDelete) this.tables.delete(idOf(table));
  }

  async teardown(
    tables: readonly OnlineTable[],
    _entities: readonly OnlineEntity[],
    options?: CallOptions,
  ): Promise<void> {
    this.#check(options);
    for (const table of tables) this.tables.delete(idOf(table));
  }

  async onlineWriteBatch(
    table: OnlineTable,
    rows: readonly OnlineRow[],
    progress?: (rows: number) => void,
    options?: WriteOptions,
  ): Promise<void> {
    this.#check(options);
    const keys = keysFromRows(table, rows);
    const kept = this.#rows(table);
    for (const [index, key] of keys.entries()) {
      const row = rows[index];
      if (row !== undefined) this.#keep(kept, key, row, options?.newestOnly === true);
    }
    progress?.(rows.length);
  }

  async onlineRead(
    table: OnlineTable,
    entityKeys: readonly EntityKey[],
    requestedFeatures?: readonly string[],
    options?: ReadOptions,
  ): Promise<(StoredRow | undefined)[]> {
    const features = requestedFeatures ?? table.features.map((feature) => feature.name);
    return this.#read(table, serializeKeys(table, entityKeys, options?.entityKeyVersion), features, options);
  }

  async readMany(reads: readonly TableRead[], options?: CallOptions): Promise<void> {
    this.#check(options);
    for (const { table, keys, features, block } of reads) {
      block.fill(this.#read(table, keys, features, options), features);
    }
  }

  async listTables(project: string, options?: CallOptions): Promise<readonly string[]> {
    this.#check(options);
    const names = [...this.tables.keys()].map((id) => JSON.parse(id) as [string, string]);
    return names.filter(([each]) => each === project).map(([, name]) => name);
  }

  async sampleKeys(table: OnlineTable, limit: number, options?: CallOptions): Promise<readonly Uint8Array[]> {
    this.#check(options);
    return [...this.#rows(table).values()].slice(0, limit).map((row) => row.key);
  }

  async ping(options?: CallOptions): Promise<void> {
    this.#check(options);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #load(table: OnlineTable): TableLoad {
    const rows: OnlineRow[] = [];
    return {
      write: async (block, options) => {
        this.#check(options);
        for (const row of rowsFromWriteBlock(block)) {
          const values = [...row.values].map(([name, value]) => [name, value.slice()] as const);
          rows.push({ ...row, values: new Map(values) });
        }
      },
      commit: async (options) => {
        await this.onlineWriteBatch(table, rows.splice(0), undefined, { ...options, newestOnly: true });
      },
      abort: async () => {
        rows.length = 0;
      },
    };
  }

  #check(options: CallOptions | undefined): void {
    if (this.#closed) throw new StoreError('STORE_CLOSED', 'The store was closed.');
    assertTimeLeft(options, 'reading the memory');
    if (this.#config.down) throw new StoreError('STORE_UNAVAILABLE', 'There is no database.');
  }

  #rows(table: OnlineTable): Map<string, KeptRow> {
    const rows = this.tables.get(idOf(table));
    if (rows === undefined) throw new StoreError('STORE_TABLE_MISSING', `There is no ${describeTable(table)}.`);
    return rows;
  }

  #read(
    table: OnlineTable,
    keys: readonly Uint8Array[],
    features: readonly string[],
    options: CallOptions | undefined,
  ): (StoredRow | undefined)[] {
    this.#check(options);
    const kept = this.#rows(table);
    return keys.map((key) => {
      const row = kept.get(hex(key));
      if (row === undefined || row.expires <= Date.now()) return undefined;
      const values = features.flatMap((name) => {
        const value = row.values.get(name);
        return value === undefined ? [] : [[name, value.slice()] as const];
      });
      return { eventTimestamp: row.time, values: new Map(values) };
    });
  }

  #keep(kept: Map<string, KeptRow>, key: Uint8Array, row: OnlineRow, newestOnly: boolean): void {
    const { ttlSeconds, keepsNewest } = this.#config;
    const expires = ttlSeconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + ttlSeconds * 1000;
    const values = [...row.values].map(([name, value]) => [name, value.slice()] as const);
    const known = kept.get(hex(key));
    if (known === undefined) {
      const { eventTimestamp: time, createdTimestamp: created } = row;
      kept.set(hex(key), { key, time, created, values: new Map(values), expires });
      return;
    }
    if (keepsNewest && isNewer(known.time, row.eventTimestamp)) return;
    if (newestOnly && isNewerRow(known, row)) return;
    known.time = row.eventTimestamp;
    known.created = row.createdTimestamp;
    known.expires = expires;
    for (const [name, value] of values) known.values.set(name, value);
  }
}

export function memoryCapabilities(
  config: Pick<MemoryConfig, 'keepsNewest' | 'loads' | 'ttlSeconds'>,
): StoreCapabilities {
  return {
    readMany: true,
    ttl: config.ttlSeconds !== undefined,
    directWrite: true,
    keepsNewest: config.keepsNewest,
    ...(config.loads === true && { newestOnly: true, blockWrites: true, atomicLoads: true }),
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
  };
}

export function idOf(table: Pick<OnlineTable, 'project' | 'name'>): string {
  return JSON.stringify([table.project, table.name]);
}

function isNewerRow(known: KeptRow, row: OnlineRow): boolean {
  if (isNewer(known.time, row.eventTimestamp)) return true;
  if (known.created === undefined || row.createdTimestamp === undefined) return false;
  return !isNewer(row.eventTimestamp, known.time) && isNewer(known.created, row.createdTimestamp);
}

function isNewer(a: EventTimestamp, b: EventTimestamp): boolean {
  return a.seconds > b.seconds || (a.seconds === b.seconds && a.nanos > b.nanos);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
