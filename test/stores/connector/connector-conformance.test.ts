import { testOnlineStore } from '../../../src/conformance/index.ts';
import {
  ConnectorOnlineStore,
  ConnectorOnlineStoreConfig,
  ConnectorOnlineStoreSettings,
} from '../../../src/stores/connector/connector-online-store.ts';
import type { OnlineStore, StoreCapabilities, StoreContext } from '../../../src/stores/online-store.ts';
import { RedisOnlineStore, RedisOnlineStoreConfig } from '../../../src/stores/redis/redis-online-store.ts';
import { SqliteOnlineStore, SqliteOnlineStoreConfig } from '../../../src/stores/sqlite/sqlite-online-store.ts';
import { startConnector } from '../../support/connector-server.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';

const capabilities: StoreCapabilities = {
  readMany: false,
  ttl: false,
  directWrite: false,
  keepsNewest: false,
  feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' },
};

let sockets = 0;

interface Served {
  readonly config: ConnectorOnlineStoreConfig;
  readonly stop: () => Promise<void>;
}

/** Serves a store by the protocol, for one project, as `sideboard connector` does. */
async function serve(store: OnlineStore, project: string, address: string): Promise<Served> {
  const server = await startConnector({
    store,
    table: (name) => ({ project, name, joinKeys: [], features: [] }),
    revision: () => ({ generation: 1, versionId: '' }),
    address,
  });
  const stop = async (): Promise<void> => {
    await server.close(0);
    await store.close();
  };
  return { config: ConnectorOnlineStoreConfig.parse({ address: server.address }), stop };
}

/** A connector store that takes its server along when it is closed. */
function read({ config, stop }: Served, context: StoreContext): OnlineStore {
  const store = new ConnectorOnlineStore(
    config,
    context,
    ConnectorOnlineStoreSettings.parse({ call_timeout_ms: 10_000 }),
  );
  const close = store.close.bind(store);
  store.close = async () => {
    await close();
    await stop();
  };
  return store;
}

const unreachable: Served = {
  config: ConnectorOnlineStoreConfig.parse({ address: '127.0.0.1:1' }),
  stop: async () => {},
};

describe('a store process behind the connector', () => {
  const sqlite = (context: StoreContext) => new SqliteOnlineStore(SqliteOnlineStoreConfig.parse({}), context);

  testOnlineStore<Served>({
    name: 'The connector to SQLite',
    config: (context) => serve(sqlite(context), context.project, `unix:${context.repoPath}/${sockets++}.sock`),
    create: read,
    writer: (_config, context) => sqlite(context),
    capabilities,
    storage: { timePrecision: 'second', bareRows: false },
    unreachable,
  });

  describe('on Redis', () => {
    let server: RedisServer;

    before(async () => {
      server = await startRedisServer();
    });

    after(() => server?.remove());

    const redis = (context: StoreContext) => {
      const config = RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${server.port}`, skip_dedup: true });
      return new RedisOnlineStore(config, context);
    };

    testOnlineStore<Served>({
      name: 'The connector to Redis',
      config: (context) => serve(redis(context), context.project, '127.0.0.1:0'),
      create: read,
      writer: (_config, context) => redis(context),
      capabilities,
      storage: { timePrecision: 'microsecond', bareRows: false },
      unreachable,
    });
  });
});
