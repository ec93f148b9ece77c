import type { EntityKey } from '../../gen/feast/types/EntityKey_pb.ts';
import type { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import type { EntityKeyVersion } from '../encoding/entity-key.ts';
import type { ExactJson } from '../encoding/json-exact.ts';
import type { TraceContext } from '../encoding/trace-context.ts';
import type { Retries } from './retry-allowance.ts';
import type { RowBlock } from './row-block.ts';
import type { WriteBlock } from './write-block.ts';

/**
 * The contract that every online store meets: Feast's `OnlineStore` in TypeScript.
 *
 * A store maps storage and nothing else. Plans, projections, statuses, TTL and type conversion live above it. Values cross
 * this border as serialized `feast.types.Value` messages and are never decoded on the way.
 *
 * Every method is asynchronous, takes many rows at once and accepts {@link CallOptions}: a call settles by its deadline, with
 * `STORE_TIMEOUT` where it has to (a user's store is held to that from outside). Every failure is a `StoreError` with a
 * stable code: a store that cannot answer throws; it never reports "not found" instead.
 */
export interface OnlineStore {
  readonly capabilities: StoreCapabilities;

  /**
   * Makes the store fit the registry: creates what `tablesToKeep` need, removes what belongs to `tablesToDelete`.
   * Must be safe to call again with the same arguments.
   */
  update(change: StoreChange, options?: CallOptions): Promise<void>;

  /** Removes everything that belongs to these tables and entities. Succeeds where there is nothing to remove. */
  teardown(tables: readonly OnlineTable[], entities: readonly OnlineEntity[], options?: CallOptions): Promise<void>;

  /**
   * Writes rows of one table. When the promise resolves, all of them can be read. An empty batch does nothing.
   * `progress` is called with the number of rows finished since its last call.
   */
  onlineWriteBatch(
    table: OnlineTable,
    rows: readonly OnlineRow[],
    progress?: (rows: number) => void,
    options?: WriteOptions,
  ): Promise<void>;

  /**
   * Writes rows of one table that stand in a block, without an object per value; otherwise as {@link onlineWriteBatch}. No two
   * rows of a block have the same key. Present exactly when `capabilities.blockWrites` is true.
   */
  writeBlock?(table: OnlineTable, block: WriteBlock, options?: WriteOptions): Promise<void>;

  /**
   * Begins a load of one table whose rows readers see all at once, when it is committed, or never. Other calls of the store go on
   * meanwhile. Present exactly when `capabilities.atomicLoads` is true.
   */
  beginLoad?(table: OnlineTable, options?: LoadOptions): Promise<TableLoad>;

  /**
   * Reads rows of one table: one entry per entity key, in the order of the keys, `undefined` where the store has no row.
   * The same key may be given several times. Without `requestedFeatures` all features of the table are read.
   * An empty list of keys gives an empty list.
   */
  onlineRead(
    table: OnlineTable,
    entityKeys: readonly EntityKey[],
    requestedFeatures?: readonly string[],
    options?: ReadOptions,
  ): Promise<readonly (StoredRow | undefined)[]>;

  /**
   * Reads several tables in one round trip, without an object per value: fills the `block` of every {@link TableRead}.
   * Present exactly when `capabilities.readMany` is true.
   */
  readMany?(reads: readonly TableRead[], options?: CallOptions): Promise<void>;

  /**
   * Names of the tables that the store itself holds for a project, as {@link OnlineTable.name} has them, whether or not the
   * registry knows them. For tools. Absent where views have no tables of their own; there the rows say nothing of a view
   * that went away.
   */
  listTables?(project: string, options?: CallOptions): Promise<readonly string[]>;

  /**
   * At most `limit` serialized entity keys of a table, as they are stored, of whatever serialization: for tools, which judge
   * them. Which ones is up to the store; it looks at a bounded part of its data, so that none need not mean that there is none.
   * @throws StoreError `STORE_TABLE_MISSING` where a table should be and is not
   */
  sampleKeys?(table: OnlineTable, limit: number, options?: CallOptions): Promise<readonly Uint8Array[]>;

  /**
   * At most `limit` rows of a table as they are stored, for a store that keeps them under a hash of their entity: for tools,
   * which try what the hash was made from. As bounded as {@link sampleKeys}.
   */
  sampleHashedRows?(table: OnlineTable, limit: number, options?: CallOptions): Promise<readonly HashedRow[]>;

  /** What the connections of a store that keeps several do now. For metrics. */
  connections?(): StoreConnections;

  /**
   * Stands for the secret that the next connection would be made with, for a store that looks for one: another number than before says that
   * it is another secret. A store that is left alone because it does not answer is asked again then.
   */
  secretVersion?(): number | undefined;

  /** One cheap round trip that proves that the store answers. */
  ping(options?: CallOptions): Promise<void>;

  /** Releases connections and timers. No call may follow; calls under way may fail. Safe to call twice. */
  close(): Promise<void>;
}

export interface StoreConnections {
  /** By calls. */
  readonly inUse: number;
  readonly idle: number;
  /** About to be open. */
  readonly connecting: number;
  /** Calls that wait for one. Absent where calls share connections. */
  readonly waiting?: number;
}

export interface CallOptions {
  /** When the caller stops waiting, in milliseconds since the Unix epoch. No retry may start behind it. */
  readonly deadline?: number;
  /** Aborted when the caller went away. */
  readonly signal?: AbortSignal;
  /** Whether the caller has gone by now. Where it is given it says what `signal` says, and costs nothing to look at. */
  readonly cancelled?: boolean;
  /** The trace that the call belongs to, for a store that asks another process which traces too. Changes from reading to reading. */
  trace?: TraceContext | undefined;
}

export interface WriteOptions extends CallOptions {
  /**
   * Leaves out every row that is older than the one that is stored, as far as the storage keeps times: by the event timestamp,
   * and where both are equal and the storage keeps them by the created timestamp. Rows that are as new as the stored one are the
   * store's own affair. Without it a store does what Feast's class for it does. Told only to stores with `capabilities.newestOnly`.
   */
  readonly newestOnly?: boolean;
}

export interface LoadOptions extends CallOptions {
  /**
   * Says that the rows will come in the order of their serialized keys, by their bytes, and lets the store write them as they come.
   * Whoever else writes to it may have to wait then from the load's first row to its end. Rows in another order are stored
   * just as well, only slower. Told only to stores with `capabilities.keyOrderLoads`.
   */
  readonly inKeyOrder?: boolean;
}

/** A load under way. One call at a time. Nothing of it is stored until `commit` has resolved. */
export interface TableLoad {
  /** Adds rows, with the meaning of {@link WriteOptions.newestOnly}. After a failure only `abort` is of use. */
  write(block: WriteBlock, options?: CallOptions): Promise<void>;
  /** Makes all rows visible at once. When it fails none are, unless the code is `STORE_TIMEOUT` or `STORE_UNAVAILABLE`: then nobody knows. */
  commit(options?: CallOptions): Promise<void>;
  /** Drops the load. Safe to call at any time, and behind `commit`, where it does nothing. */
  abort(): Promise<void>;
}

export interface ReadOptions extends CallOptions {
  /** Entity key serialization to look under; 3 unless the caller migrates from Feast's older keys. */
  readonly entityKeyVersion?: EntityKeyVersion;
}

/** What a store can do beyond the required methods. What is not declared must not be half there. */
export interface StoreCapabilities {
  /** {@link OnlineStore.readMany} is implemented: all tables of a request travel in one round trip. */
  readonly readMany: boolean;
  /** The store itself forgets rows after a time. */
  readonly ttl: boolean;
  /** Rows may be written through {@link OnlineStore.onlineWriteBatch}; false for a store that only mirrors another system. */
  readonly directWrite: boolean;
  /** An older event timestamp never overwrites a newer one. */
  readonly keepsNewest: boolean;
  /** {@link WriteOptions.newestOnly} is obeyed, in one step with the write: two writers at a time cannot both be right. */
  readonly newestOnly?: boolean;
  /** {@link OnlineStore.writeBlock} is implemented. */
  readonly blockWrites?: boolean;
  /** {@link OnlineStore.beginLoad} is implemented. */
  readonly atomicLoads?: boolean;
  /** {@link LoadOptions.inKeyOrder} is of use: a load costs less then. */
  readonly keyOrderLoads?: boolean;
  /** False for a layout without event times: every row comes back with 1970, and a view's ttl is not applied. */
  readonly eventTimes?: boolean;
  /** How Feast's own Python class for this store reports what is missing. Read in `feast-python` compatibility only. */
  readonly feastPython: FeastPythonBehaviour;
}

export interface FeastPythonBehaviour {
  /** Status of the features of an entity without a row. */
  readonly missingRow: 'PRESENT' | 'NOT_FOUND';
  /** Status of a feature that the row does not hold. */
  readonly missingFeature: 'PRESENT' | 'NOT_FOUND';
  /** Event timestamp shown for a feature that the row does not hold. `row-if-any`: the row's, where it holds any that is asked for. */
  readonly missingFeatureTime: 'row' | 'epoch' | 'row-if-any';
}

/** One feature view, or one version of it, as a store sees it. */
export interface OnlineTable {
  readonly project: string;
  /** The name under which the store keeps it: the view's name, with `_vN` for version N > 0. */
  readonly name: string;
  /** Join keys in the order in which the view declares its entities; `__dummy_id` alone for a view without entities. */
  readonly joinKeys: readonly string[];
  readonly features: readonly TableFeature[];
  /** The view's tags, for a store that can hand them on. */
  readonly tags?: Readonly<Record<string, string>>;
}

export interface TableFeature {
  readonly name: string;
  readonly valueType: ValueType_Enum;
}

export interface OnlineEntity {
  readonly name: string;
  readonly joinKey: string;
  readonly valueType: ValueType_Enum;
}

export interface StoreChange {
  readonly tablesToKeep: readonly OnlineTable[];
  readonly tablesToDelete: readonly OnlineTable[];
  readonly entitiesToKeep: readonly OnlineEntity[];
  readonly entitiesToDelete: readonly OnlineEntity[];
  /** True when the lists do not cover the whole project: what they do not name must be left alone. */
  readonly partial: boolean;
}

/** A point in time as protobuf's Timestamp has it: whole seconds since 1970 and nanoseconds (0 to 999,999,999). */
export interface EventTimestamp {
  readonly seconds: number;
  readonly nanos: number;
}

/** A row to write. */
export interface OnlineRow {
  readonly entityKey: EntityKey;
  /** Feature name to serialized `feast.types.Value`; zero bytes are a stored null. */
  readonly values: ReadonlyMap<string, Uint8Array>;
  readonly eventTimestamp: EventTimestamp;
  readonly createdTimestamp?: EventTimestamp;
}

/** A row that was read. */
export interface StoredRow {
  readonly eventTimestamp: EventTimestamp;
  /** Feature name to serialized `feast.types.Value`; a feature that is not stored has no entry, a null has zero bytes. */
  readonly values: ReadonlyMap<string, Uint8Array>;
}

/** A row of a store that keeps rows under a hash of their entity. */
export interface HashedRow {
  readonly entityHash: string;
  /** What is stored, join keys left out. */
  readonly members: ReadonlyMap<string, ExactJson>;
}

/** One table's part of a {@link OnlineStore.readMany} call. */
export interface TableRead {
  readonly table: OnlineTable;
  /** Serialized entity keys (`encoding/entity-key.ts`), one per row of `block`. */
  readonly keys: readonly Uint8Array[];
  /** Feature names, one per column of `block`. */
  readonly features: readonly string[];
  /** Where the answer goes. The bytes it refers to stay untouched until the request is answered. */
  readonly block: RowBlock;
}

/** What a store is told about its surroundings when it is created. */
export interface StoreContext {
  readonly project: string;
  /** Absolute folder of `feature_store.yaml`; relative paths of a store's config start here. */
  readonly repoPath: string;
  /** Says something once to whoever operates the process (an alpha store, a setting that is ignored). */
  readonly warn: (message: string) => void;
  /**
   * To be asked before a read is repeated whose connection broke before it was answered. Without it, in tools,
   * a store decides by itself.
   */
  readonly retries?: Retries | undefined;
}
