import { testOnlineStore } from '../../../src/conformance/index.ts';
import {
  SqliteOnlineStore,
  SqliteOnlineStoreConfig,
  SqliteOnlineStoreSettings,
} from '../../../src/stores/sqlite/sqlite-online-store.ts';

for (const [name, config, settings] of [
  ['SQLite', {}, {}],
  ['SQLite in another time zone', {}, { timezone: 'Asia/Kolkata' }],
  ['SQLite without write-ahead logging', { enable_openai_compatible_store: true }, { journal_mode: 'keep' }],
] as const) {
  testOnlineStore({
    name,
    config: SqliteOnlineStoreConfig.parse(config),
    create: (parsed, context) => {
      return new SqliteOnlineStore(parsed, context, SqliteOnlineStoreSettings.parse(settings));
    },
    capabilities: {
      readMany: true,
      ttl: false,
      directWrite: true,
      keepsNewest: false,
      newestOnly: true,
      blockWrites: true,
      atomicLoads: true,
      keyOrderLoads: true,
      feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
    },
    storage: { timePrecision: 'second' },
    unreachable: SqliteOnlineStoreConfig.parse({ ...config, path: 'no/such/folder/online.db' }),
  });
}
