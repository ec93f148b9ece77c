import { RedisOnlineStore, RedisOnlineStoreConfig } from '../../../src/stores/redis/redis-online-store.ts';
import { describeOnlineStore } from '../../conformance/online-store-suite.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';

describe('Redis', () => {
  let server: RedisServer;

  before(async () => {
    server = await startRedisServer();
  });

  after(() => server?.remove());

  for (const [name, config] of [
    ['single', {}],
    ['with expiring keys', { key_ttl_seconds: 600 }],
    ['without deduplication', { skip_dedup: true }],
  ] as const) {
    describeOnlineStore(`Redis ${name}`, {
      async open() {
        await server.client.flushall();
        const parsed = RedisOnlineStoreConfig.parse({ ...config, connection_string: `127.0.0.1:${server.port}` });
        return new RedisOnlineStore(parsed, { project: 'conformance', repoPath: '/', warn: () => {} });
      },
    });
  }
});
