import {
  RedisOnlineStore,
  RedisOnlineStoreConfig,
  RedisOnlineStoreSettings,
} from '../../src/stores/redis/redis-online-store.ts';

/** The stores that a test opens. */
export interface RedisStores {
  /** What they have warned of. */
  readonly warnings: string[];
  open(config?: object, settings?: object): RedisOnlineStore;
  closeAll(): Promise<void>;
}

/** @param portOf where stores connect to that are not told otherwise */
export function createRedisStores(portOf: () => number): RedisStores {
  const opened = new Set<RedisOnlineStore>();
  const warnings: string[] = [];
  return {
    warnings,
    open(config = {}, settings = {}) {
      const context = { project: 'shop', repoPath: '/', warn: (message: string) => warnings.push(message) };
      const parsed = RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${portOf()}`, ...config });
      const store = new RedisOnlineStore(parsed, context, RedisOnlineStoreSettings.parse(settings));
      opened.add(store);
      return store;
    },
    async closeAll() {
      for (const store of opened) await store.close();
      opened.clear();
      warnings.length = 0;
    },
  };
}
