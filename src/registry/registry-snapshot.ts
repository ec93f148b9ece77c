import type { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';

/**
 * One generation of the registry of one project: immutable, fully resolved, swapped as a whole. Whatever the serving layer
 * asks is a map lookup here.
 */
export interface RegistrySnapshot {
  readonly project: string;
  /** Every project that the registry file holds. */
  readonly projects: readonly string[];
  /** Grows by one with every swap in this process. Plans are compiled for one generation. */
  readonly generation: number;
  /** `Registry.version_id`, which Feast changes with every apply. */
  readonly versionId: string;
  /** `Registry.last_updated` in milliseconds since the Unix epoch. */
  readonly lastUpdated: number;
  readonly entities: ReadonlyMap<string, EntitySpec>;
  /** Feature, stream, on-demand and label views by name; a name is unique over all four kinds. */
  readonly views: ReadonlyMap<string, FeatureViewSpec>;
  readonly services: ReadonlyMap<string, FeatureServiceSpec>;
  readonly permissions: readonly PermissionSpec[];
}

/** A rule of who may use what. Of its actions only those are kept that serving knows. */
export interface PermissionSpec {
  readonly name: string;
  readonly kinds: readonly ResourceKind[];
  /** One has to match the whole name; absent: any name. */
  readonly patterns: readonly RegExp[] | undefined;
  /** Tags that a resource has to have, with these values. */
  readonly requiredTags: Readonly<Record<string, string>>;
  readonly readsOnline: boolean;
  readonly writesOnline: boolean;
  /** Whom it accepts; absent: everybody. */
  readonly policy: PermissionPolicy | undefined;
}

/** Accepts a caller who has one of the roles, or one of the groups, or one of the namespaces. */
export interface PermissionPolicy {
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly namespaces: readonly string[];
}

export interface EntitySpec {
  readonly name: string;
  readonly joinKey: string;
  readonly valueType: ValueType_Enum;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** What callers ask for by name. */
export type ResourceKind = FeatureViewKind | 'feature_service';

export type FeatureViewKind = 'feature_view' | 'stream_feature_view' | 'on_demand_feature_view' | 'label_view';

export interface FeatureViewSpec {
  readonly kind: FeatureViewKind;
  readonly name: string;
  readonly description: string;
  readonly owner: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Names of its entities, in declared order; `__dummy` alone for a view without entities. */
  readonly entities: readonly string[];
  /** Join keys with their types, in the order of `entities`. */
  readonly joinKeys: readonly JoinKeySpec[];
  /** Features in declared order, join keys left out. */
  readonly features: readonly FeatureSpec[];
  /** How long a value may be served after its event timestamp; 0 means for ever. Seconds, may be fractional. */
  readonly ttlSeconds: number;
  /** Has a table in the online store; for an on-demand view, that it is written there. */
  readonly online: boolean;
  /**
   * The version that an unpinned reference means where versioned reads are enabled. Feast counts it in any case; where they
   * are not enabled all versions live in table 0.
   */
  readonly currentVersion: number;
  /**
   * Earlier and current versions by number, each with the schema it had and with its own number as `currentVersion`. Empty
   * where the registry keeps no history, as in registries of older releases.
   */
  readonly versions: ReadonlyMap<number, FeatureViewSpec>;
  /** Source names by which rows can be pushed. */
  readonly pushSources: readonly string[];
  /** Source column to feature name, as the batch source maps it. */
  readonly fieldMapping: ReadonlyMap<string, string>;
  /** The batch source's column with the event timestamp; empty where it names none, and on on-demand views. */
  readonly timestampField: string;
  /** The batch source's column with the created timestamp; empty where it names none. */
  readonly createdTimestampField: string;
  /** Present on on-demand views only. */
  readonly onDemand?: OnDemandSpec;
}

export interface JoinKeySpec {
  readonly name: string;
  /** The entity that the key identifies; accepted in place of the join key in requests. */
  readonly entity: string;
  readonly valueType: ValueType_Enum;
}

export interface FeatureSpec {
  readonly name: string;
  readonly valueType: ValueType_Enum;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Elements that a vector has which is searched for; absent where none is said, and on other features. */
  readonly vectorLength?: number;
}

export interface OnDemandSpec {
  /** Transformed when written and read back like any other view, rather than transformed while answering. */
  readonly writeToOnlineStore: boolean;
  /** `pandas`, `python`, … as the registry names it. */
  readonly mode: string;
  /** Views that it reads, with the columns it takes. */
  readonly sourceProjections: readonly ProjectionSpec[];
  /** Columns that the caller must send along with the request. */
  readonly requestColumns: readonly FeatureSpec[];
}

/** A view as a feature service takes it: fewer features, another name, other join keys, a pinned version. */
export interface ProjectionSpec {
  readonly viewName: string;
  /** The alias, or the view's name where there is none: with full feature names answers begin with it, and with `@vN` if pinned. */
  readonly alias: string;
  readonly features: readonly FeatureSpec[];
  /** The view's join key to the name under which the caller sends it. */
  readonly joinKeyMap: ReadonlyMap<string, string>;
  /** The pinned version, where the service pins one. */
  readonly version: number | undefined;
}

export interface FeatureServiceSpec {
  readonly name: string;
  readonly description: string;
  readonly owner: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly projections: readonly ProjectionSpec[];
  /** Feast keeps pre-computed vectors for it in the online store. */
  readonly precomputeOnline: boolean;
}
