import { testOnlineStore } from '../../../src/conformance/index.ts';
import {
  PostgreSQLOnlineStore,
  PostgreSQLOnlineStoreConfig,
  PostgreSQLOnlineStoreSettings,
} from '../../../src/stores/postgres/postgres-online-store.ts';
import { type PostgresServer, sharedPostgresServer } from '../../support/postgres-server.ts';
import { postgresCapabilities } from './postgres-capabilities.ts';

const DATABASE = 'conformance';

describe('PostgreSQL', function () {
  this.timeout(60_000);
  let server: PostgresServer;

  before(async () => {
    server = await sharedPostgresServer();
    await server.createDatabase(DATABASE);
  });

  const config = (port: number, other: object) =>
    PostgreSQLOnlineStoreConfig.parse({
      host: '127.0.0.1',
      port,
      user: 'postgres',
      password: 'postgres',
      database: DATABASE,
      sslmode: 'disable',
      ...other,
    });

  for (const [name, other, settings] of [
    ['', {}, {}],
    [
      ' with one connection, a schema of its own and nothing prepared',
      { max_conn: 1, db_schema: 'features', enable_openai_compatible_store: true },
      { prepared_statements: false },
    ],
  ] as const) {
    testOnlineStore({
      name: `PostgreSQL${name}`,
      config: () => config(server.port, other),
      create: (parsed, context) =>
        new PostgreSQLOnlineStore(parsed, context, PostgreSQLOnlineStoreSettings.parse(settings)),
      capabilities: postgresCapabilities,
      storage: { timePrecision: 'microsecond', maxKeyBytes: 2600 },
      unreachable: config(1, other),
    });
  }
});
