import type { ReadOptions, StoreCapabilities } from '../online-store.ts';

/** What both stores of mlforge's rows can do. */
export function mlforgeCapabilities(options: { readonly ttl: boolean }): StoreCapabilities {
  return {
    readMany: true,
    ttl: options.ttl,
    directWrite: true,
    keepsNewest: false,
    eventTimes: false,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
  };
}

/** Whether a read can find rows at all. The hash is over texts: Feast's older serialization of a key leads nowhere else. */
export function mayFindRows(options: ReadOptions | undefined): boolean {
  return options?.entityKeyVersion !== 2;
}
