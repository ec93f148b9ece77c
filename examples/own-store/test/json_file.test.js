import { testOnlineStore } from 'sideboard/conformance';
import { JsonFileOnlineStore, JsonFileOnlineStoreConfig } from '../my_stores/json_file.js';

testOnlineStore({
  name: 'JsonFileOnlineStore',
  config: JsonFileOnlineStoreConfig.parse({ path: 'online.json' }),
  create: (config, context) => new JsonFileOnlineStore(config, context),
  capabilities: {
    readMany: false,
    ttl: false,
    directWrite: true,
    keepsNewest: false,
    newestOnly: true,
    feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
  },
  storage: { createdTimes: false },
});
