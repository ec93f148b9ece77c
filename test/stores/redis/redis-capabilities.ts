import type { StoreCapabilities } from '../../../src/stores/online-store.ts';

/** Of Redis with Feast's defaults. */
export const redisCapabilities: StoreCapabilities = {
  readMany: true,
  ttl: false,
  directWrite: true,
  keepsNewest: true,
  newestOnly: true,
  blockWrites: true,
  feastPython: { missingRow: 'PRESENT', missingFeature: 'PRESENT', missingFeatureTime: 'row' },
};
