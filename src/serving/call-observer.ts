import type { TableRead } from '../stores/online-store.ts';
import type { JudgedBlock } from './judge.ts';

/** What a call asks for, in names of the registry. */
export interface AskedFor {
  /** The feature service, where the caller named one. */
  readonly service: string | undefined;
  /** Views, each once, with `@vN` for a version. */
  readonly views: readonly string[];
  /** How many features. */
  readonly features: number;
}

/** Which registry a call is answered by. */
export interface RegistryRevision {
  readonly generation: number;
  readonly versionId: string;
}

/** One table's part of a reading. Its block is looked at only when the reading has ended. */
export type BeginningRead = Pick<TableRead, 'table'> & {
  readonly keys: { readonly length: number };
  readonly block?: Pick<TableRead['block'], 'found'>;
};

/** A reading of the store that has begun. */
export interface StoreReading {
  /**
   * @param error the failure; `undefined` for one that succeeded
   * @param found rows that were there, where no block tells
   */
  ended(error: unknown, found?: number): void;
}

/**
 * Told what becomes of one call, for its span and its line in the log. It is shown blocks and keys, and takes names and numbers
 * from them, never a value. Must not throw.
 */
export interface CallObserver {
  /** @param entities rows of the request */
  asked(what: AskedFor, entities: number, revision: RegistryRevision): void;
  /** The store is about to be read. */
  reading(reads: readonly BeginningRead[]): StoreReading;
  /** The call is about to be answered. @param rows of the request */
  answered(judged: readonly JudgedBlock[], rows: number): void;
}
