import type { StoreCapabilities } from '../../../src/stores/online-store.ts';

/** What the stores of mlforge's rows declare, without a time to live. */
export const mlforgeCapabilities: StoreCapabilities = {
  readMany: true,
  ttl: false,
  directWrite: true,
  keepsNewest: false,
  eventTimes: false,
  feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
};
