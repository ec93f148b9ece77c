import { setTimeout as sleep } from 'node:timers/promises';
import type { OnlineRow, OnlineStore } from '../../src/stores/index.ts';
import type { MemoryConfig, MemoryOnlineStore } from './memory-online-store.ts';

/** A mistake that the author of a store may make, put into a correct store. */
export interface Mutation {
  /** What the store does wrong. */
  readonly name: string;
  /** The section of the suite that must fail. */
  readonly caughtBy: string;
  /** Settings of the correct store; an ability that is got wrong has to be declared. */
  readonly config?: Partial<Pick<MemoryConfig, 'keepsNewest' | 'loads' | 'ttlSeconds'>>;
  /** The store is declared, and is, without `directWrite`. */
  readonly mirror?: boolean;
  /** Methods that take the place of the correct store's. */
  readonly mutate: (store: MemoryOnlineStore) => Partial<OnlineStore>;
}

/** Gives other calls a turn. */
export const aMoment = (): Promise<void> => sleep(2);

/** The row with some of its values. */
export function valuesOf(row: OnlineRow, pick: (name: string, value: Uint8Array) => boolean): OnlineRow {
  return { ...row, values: new Map([...row.values].filter(([name, value]) => pick(name, value))) };
}
