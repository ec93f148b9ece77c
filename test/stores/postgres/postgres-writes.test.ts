import { type PostgresServer, sharedPostgresServer } from '../../support/postgres-server.ts';
import { describeSqlWrites } from '../../support/sql-write-suite.ts';

const DATABASE = 'writes';
let server: PostgresServer;

const query = async (sql: string): Promise<unknown[]> => [...(await server.query(sql, DATABASE))];

describeSqlWrites('PostgreSQL', {
  async reset() {
    server = await sharedPostgresServer();
    await server.createDatabase(DATABASE);
    return { store: 'postgres', port: server.port, database: DATABASE };
  },
  dump: ({ project, name }) =>
    query(`
      SELECT encode(entity_key, 'hex') AS key, feature_name, encode(value, 'hex') AS value, value_text, vector_value,
        event_ts::text, created_ts::text
      FROM "${project}_${name}" ORDER BY 1, 2`),
  names: () => query('SELECT relkind, relname FROM pg_class ORDER BY 1, 2'),
});
