import type { StoreCapabilities } from '../../../src/stores/online-store.ts';

export const mysqlCapabilities: StoreCapabilities = {
  readMany: true,
  ttl: false,
  directWrite: true,
  keepsNewest: false,
  newestOnly: true,
  blockWrites: true,
  atomicLoads: true,
  feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
};
