import { type Connection, createConnection } from 'mysql2/promise';
import { type MysqlServer, startMysqlServer } from '../../support/mysql-server.ts';
import { openMysqlStore } from '../../support/mysql-store.ts';
import { describeSqlFaults } from '../../support/sql-fault-suite.ts';

const PASSWORD = 'sesame-0815';

describeSqlFaults<MysqlServer>('MySQL', {
  password: PASSWORD,
  async startServer(maxConnections) {
    // What was committed outlives a kill.
    const durable = '--innodb-flush-log-at-trx-commit=2';
    const server = await startMysqlServer([`--max-connections=${maxConnections}`, durable]);
    await server.createDatabase('feast');
    await server.query(`CREATE USER feast@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'`);
    for (const name of ['feast', 'nowhere']) await server.query(`GRANT ALL ON ${name}.* TO feast@'127.0.0.1'`);
    return server;
  },
  open(port, { maxConnections, settings, ...config } = {}) {
    return openMysqlStore({
      server: { port },
      database: 'feast',
      config: { user: 'feast', password: PASSWORD, ...config },
      settings: { ...(maxConnections === undefined ? {} : { max_connections: maxConnections }), ...settings },
    });
  },
  async countConnections(server) {
    return (await processes(server)).length;
  },
  async endConnections(server) {
    for (const id of await processes(server)) await server.query(`KILL ${String(id)}`).catch(() => []);
  },
  async takeAllConnections(server) {
    const held: Connection[] = [];
    try {
      for (;;) {
        held.push(await createConnection({ host: '127.0.0.1', port: server.port, user: 'feast', password: PASSWORD }));
      }
    } catch {
      // Too many connections.
    }
    return async () => {
      await Promise.all(held.map((connection) => connection.end()));
    };
  },
});

async function processes(server: MysqlServer): Promise<unknown[]> {
  const rows = await server.query("SELECT id FROM information_schema.processlist WHERE user = 'feast'");
  return rows.map(({ id }) => id);
}
