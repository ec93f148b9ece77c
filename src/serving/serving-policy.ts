import type { EntityKeyDeclaration } from '../config/entity-key-schema.ts';
import type { RequestLimits } from './request-limits.ts';

/** How answers are given where Feast's servers differ among themselves. One policy holds for a whole process. */
export interface ServingPolicy extends RequestLimits {
  /**
   * `full`: PRESENT, NULL_VALUE, NOT_FOUND and OUTSIDE_MAX_AGE as the protocol defines them.
   * `feast-python`: PRESENT for whatever Feast's Python class for the store calls present, nulls and misses included.
   */
  readonly statuses: 'full' | 'feast-python';
  /**
   * A value older than its view's TTL: `flag` delivers it with OUTSIDE_MAX_AGE, `null` withholds the value and gives the same
   * status, `ignore` treats it like any other.
   */
  readonly ttl: 'flag' | 'null' | 'ignore';
  /**
   * An entity value of another type than the join key's: `coerce` converts it where it fits exactly and refuses it
   * otherwise, `as-sent` looks it up as it is, which finds nothing.
   */
  readonly entityTypes: 'coerce' | 'as-sent';
  /**
   * A stored value of another type than the registry says: `checked` refuses to serve it, `as-stored` passes it on.
   * A value that is not well-formed is refused in both.
   */
  readonly storedTypes: 'checked' | 'as-stored';
  /**
   * `feast-python`: what Feast's Python server does where that is not what the documentation says: the version that an
   * unpinned service entry reads, partial composite keys, pre-computed vectors, no version metadata over gRPC.
   */
  readonly requests: 'documented' | 'feast-python';
  /** `view@vN:feature` references are allowed: Feast's `registry.enable_online_feature_view_versioning`. */
  readonly versionedReads: boolean;
  /** Bytes of answers that are read for at a time; more requests wait for their turn. */
  readonly maxPendingBytes: number;
  /** How long a request may wait for its turn to read, in milliseconds. */
  readonly maxQueueAgeMs: number;
  /** How many compiled plans are kept. Callers choose the keys, so the number is bounded. */
  readonly planCacheSize: number;
  /** Look once under the older entity key serialization for entities that were not found. */
  readonly entityKeyFallback: 'none' | 'v2';
  /** Join keys that may be left to Sideboard, by name; they go before what the registry's entities say. */
  readonly entityKeys: ReadonlyMap<string, EntityKeyDeclaration>;
}

export const defaultServingPolicy: ServingPolicy = {
  statuses: 'full',
  ttl: 'flag',
  entityTypes: 'coerce',
  storedTypes: 'checked',
  requests: 'documented',
  versionedReads: false,
  maxEntities: 10_000,
  maxFeatures: 5_000,
  maxValues: 500_000,
  maxPendingBytes: 2 * 1024 * 1024,
  maxQueueAgeMs: 1_000,
  planCacheSize: 1_000,
  entityKeyFallback: 'none',
  entityKeys: new Map(),
};

/** What `compatibility: feast-python` changes. */
export const feastPythonPolicy: Pick<ServingPolicy, 'statuses' | 'ttl' | 'entityTypes' | 'storedTypes' | 'requests'> = {
  statuses: 'feast-python',
  ttl: 'ignore',
  entityTypes: 'as-sent',
  storedTypes: 'as-stored',
  requests: 'feast-python',
};
