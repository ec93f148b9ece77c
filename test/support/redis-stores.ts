import assert from 'node:assert/strict';
import {
  RedisOnlineStore,
  RedisOnlineStoreConfig,
  RedisOnlineStoreSettings,
} from '../../src/stores/redis/redis-online-store.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';

/** A server for the tests of a `describe`, empty at the start of each, and the stores that they open on it. */
export function useRedis(): { readonly server: RedisServer; readonly stores: RedisStores } {
  let server: RedisServer | undefined;
  const started = (): RedisServer => server ?? assert.fail('the server has not been started');
  const stores = createRedisStores(() => started().port);
  before(async () => {
    server = await startRedisServer();
  });
  beforeEach(async () => {
    await started().client.flushall();
    await started().client.script('FLUSH');
  });
  afterEach(() => stores.closeAll());
  after(() => server?.remove());
  return {
    stores,
    get server() {
      return started();
    },
  };
}

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
