import { type MysqlServer, sharedMysqlServer } from '../../support/mysql-server.ts';
import { describeSqlWrites } from '../../support/sql-write-suite.ts';

const DATABASE = 'writes';
let server: MysqlServer;

const query = async (sql: string): Promise<unknown[]> => [...(await server.query(sql, DATABASE))];

describeSqlWrites('MySQL', {
  async reset() {
    server = await sharedMysqlServer();
    await server.createDatabase(DATABASE);
    return { store: 'mysql', port: server.port, database: DATABASE };
  },
  dump: ({ project, name }) =>
    query(`
      SELECT entity_key, feature_name, HEX(value) AS value, CAST(event_ts AS CHAR) AS event_ts,
        CAST(created_ts AS CHAR) AS created_ts
      FROM \`${project}_${name}\` ORDER BY 1, 2`),
  names: () => query(`SELECT table_name FROM information_schema.tables WHERE table_schema = '${DATABASE}' ORDER BY 1`),
});
