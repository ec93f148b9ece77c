import type { Value } from '../../gen/feast/types/Value_pb.ts';
import type { OnlineStore, StoreCapabilities, StoreContext } from '../stores/online-store.ts';

/** What the suite needs to know of a store. */
export interface OnlineStoreTestOptions<Config extends object> {
  /** What the report calls it. */
  readonly name?: string;
  /**
   * The store's validated configuration, as its constructor takes it; or a function that gives it, called before every test,
   * for what is only known then: the port of a server that a hook started, the temporary folder of the test.
   */
  readonly config: StoreConfig<Config>;
  /**
   * Makes a store, as `feature_store.yaml` would. `context.project` is another for every test and `context.repoPath` is an
   * empty folder. Called several times in a test: all stores of one project share what they hold. The suite closes them.
   */
  readonly create: (config: Config, context: StoreContext) => OnlineStore | Promise<OnlineStore>;
  /** What the store must declare, to the letter. What is true here is tested to be there, what is false to be absent. */
  readonly capabilities: StoreCapabilities;
  /** Where the storage falls short of {@link wholeStorage}. What is declared is tested like an ability. */
  readonly storage?: Partial<StorageTraits>;
  /**
   * Makes a store that writes where the tested one reads. Only for one that declares no `directWrite`, where another system
   * does the writing.
   */
  readonly writer?: (config: Config, context: StoreContext) => OnlineStore | Promise<OnlineStore>;
  /** For a store that declares `ttl`: a configuration with which rows are forgotten `seconds` after they were written. */
  readonly expiring?: { readonly config: StoreConfig<Config>; readonly seconds: number };
  /** A configuration that leads to no database, for a store that has one: calls must fail and say so. */
  readonly unreachable?: StoreConfig<Config>;
  /** Empties the storage, before every test. Without it the suite only tears down what it applied, after every test. */
  readonly reset?: () => Promise<void>;
  /** How long a test may take, in milliseconds; those of thousands of rows may take three times as long. 20,000 by default. */
  readonly timeoutMs?: number;
}

export type StoreConfig<Config extends object> = Config | ((context: StoreContext) => Config | Promise<Config>);

/** An arm of `feast.types.Value`, by its name in TypeScript: `int64Val`, `stringListVal`. */
export type ValueArm = NonNullable<Value['val']['case']>;

/** What the contract leaves to the storage. */
export interface StorageTraits {
  /** The part of an event timestamp that is kept; what is finer is cut off. `none`: every row comes back with 1970. */
  readonly timePrecision: 'none' | 'second' | 'millisecond' | 'microsecond' | 'nanosecond';
  /** Created timestamps are kept: they decide where `newestOnly` meets rows of equal event times. */
  readonly createdTimes: boolean;
  /** Whether a newer row keeps the features that it does not bring (`merge`), or loses them (`replace`). */
  readonly rewrite: 'merge' | 'replace';
  /** A row is known to be there, with its time, to a reader that asks for none of the features it holds. */
  readonly bareRows: boolean;
  /** A stored null is told from a feature that is not stored. */
  readonly nulls: boolean;
  /** Values are kept as the bytes they are, those of later versions of the protocol included. */
  readonly verbatim: boolean;
  /** Types of values that can be stored. Writing any other fails with `STORE_INVALID_ROW`. */
  readonly valueTypes: 'all' | readonly ValueArm[];
  /** Keys of equal text and another type are other keys. */
  readonly keyTypesApart: boolean;
  /** One store serves tables of several projects and keeps them apart. */
  readonly projectsApart: boolean;
  /** Names of views, join keys and features may be in any script. Without it applying such a table fails. */
  readonly anyNames: boolean;
  /** Largest value in bytes; writing a larger one fails. The suite tries up to a megabyte. */
  readonly maxValueBytes: number;
  /** Longest serialized entity key in bytes; writing a longer one fails. The suite tries up to 64 KiB. */
  readonly maxKeyBytes: number;
}

/** Storage that falls short of nothing: what the suite assumes of a store that says nothing else. */
export const wholeStorage: StorageTraits = Object.freeze({
  timePrecision: 'nanosecond',
  createdTimes: true,
  rewrite: 'merge',
  bareRows: true,
  nulls: true,
  verbatim: true,
  valueTypes: 'all',
  keyTypesApart: true,
  projectsApart: true,
  anyNames: true,
  maxValueBytes: 1 << 20,
  maxKeyBytes: 1 << 16,
});

/** The configuration for one test. */
export async function configFor<Config extends object>(
  config: StoreConfig<Config>,
  context: StoreContext,
): Promise<Config> {
  return typeof config === 'function' ? await config(context) : config;
}
