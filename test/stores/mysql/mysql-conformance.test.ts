import { testOnlineStore } from '../../../src/conformance/index.ts';
import {
  MySQLOnlineStore,
  MySQLOnlineStoreConfig,
  MySQLOnlineStoreSettings,
} from '../../../src/stores/mysql/mysql-online-store.ts';
import { type MysqlServer, sharedMysqlServer } from '../../support/mysql-server.ts';
import { mysqlCapabilities } from './mysql-capabilities.ts';

const DATABASE = 'conformance';

describe('MySQL', function () {
  this.timeout(60_000);
  let server: MysqlServer;

  before(async () => {
    server = await sharedMysqlServer();
    // With Feast's statements, names of features are compared as the database says.
    await server.createDatabase(DATABASE, 'utf8mb4_bin');
  });

  const config = (port: number) =>
    MySQLOnlineStoreConfig.parse({ port, user: 'root', password: 'root', database: DATABASE });

  for (const [name, settings] of [
    ['', {}],
    [' with one connection and a time zone of its own', { max_connections: 1, time_zone: '-05:30' }],
  ] as const) {
    testOnlineStore({
      name: `MySQL${name}`,
      config: () => config(server.port),
      create: (parsed, context) => new MySQLOnlineStore(parsed, context, MySQLOnlineStoreSettings.parse(settings)),
      capabilities: mysqlCapabilities,
      storage: { timePrecision: 'second', anyNames: false, maxValueBytes: 65_535, maxKeyBytes: 256 },
      unreachable: config(1),
    });
  }
});
