import { testOnlineStore } from '../../../src/conformance/index.ts';
import { RedisOnlineStore, RedisOnlineStoreConfig } from '../../../src/stores/redis/redis-online-store.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { redisCapabilities } from './redis-capabilities.ts';

describe('Redis', () => {
  let server: RedisServer;

  before(async () => {
    server = await startRedisServer();
  });

  after(() => server?.remove());

  const configWith = (config: object) => () => {
    return RedisOnlineStoreConfig.parse({ ...config, connection_string: `127.0.0.1:${server.port}` });
  };

  for (const [name, config, abilities] of [
    ['single', {}, {}],
    ['with expiring keys', { key_ttl_seconds: 600 }, { ttl: true }],
    ['without deduplication', { skip_dedup: true }, { keepsNewest: false }],
  ] as const) {
    testOnlineStore({
      name: `Redis ${name}`,
      config: configWith(config),
      create: (parsed, context) => new RedisOnlineStore(parsed, context),
      capabilities: { ...redisCapabilities, ...abilities },
      storage: { timePrecision: 'microsecond', createdTimes: false },
      expiring: { config: configWith({ ...config, key_ttl_seconds: 1 }), seconds: 1 },
      unreachable: RedisOnlineStoreConfig.parse({ ...config, connection_string: '127.0.0.1:1' }),
    });
  }
});
