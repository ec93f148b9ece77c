import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import { SideboardError } from '../errors.ts';
import type { RegistrySnapshot } from '../registry/registry-snapshot.ts';
import type { OnlineStore, OnlineTable } from '../stores/online-store.ts';

/** What one check of `doctor` found. */
export interface Finding {
  /** `config`, `registry`, `store`, `tables`, `rows`. */
  readonly check: string;
  readonly result: 'ok' | 'warning' | 'failed';
  readonly message: string;
  /** What to do about it. */
  readonly advice?: string;
  /** The error's code, where the check failed with an error. */
  readonly code?: string;
}

/** What the rows of one table are checked with. */
export interface RowCheck {
  readonly store: OnlineStore;
  readonly table: OnlineTable;
  readonly registry: RegistrySnapshot;
  readonly config: FeatureStoreConfig;
  /** How long one reading may take. */
  readonly timeoutMs: number;
}

/**
 * What a check that raised an error found.
 * @param about which of several things was checked, where errors do not tell them apart
 */
export function errorCheck(check: string, error: unknown, about?: string): Finding {
  const prefix = about === undefined ? '' : `${about}: `;
  if (!(error instanceof SideboardError)) return { check, result: 'failed', message: `${prefix}${String(error)}` };
  return {
    check,
    result: 'failed',
    message: `${prefix}${error.code}: ${error.message}`,
    code: error.code,
    ...(error.hint === undefined ? {} : { advice: error.hint }),
  };
}

/** A table without rows that could be looked at. */
export function noRows({ name }: OnlineTable, advice: string): Finding {
  return { check: 'rows', result: 'warning', message: `${name}: no rows were seen`, advice };
}
