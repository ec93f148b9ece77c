import pg from 'pg';
import { type PostgresServer, startPostgresServer } from '../../support/postgres-server.ts';
import { openPostgresStore } from '../../support/postgres-store.ts';
import { describeSqlFaults } from '../../support/sql-fault-suite.ts';

const PASSWORD = 'sesame-0815';

describeSqlFaults<PostgresServer>('PostgreSQL', {
  password: PASSWORD,
  async startServer(maxConnections) {
    // Three of them are for the superuser. What was committed outlives a kill.
    const settings = [`max_connections = ${maxConnections}`, 'synchronous_commit = on'];
    const server = await startPostgresServer({ settings });
    await server.query(`CREATE ROLE feast LOGIN PASSWORD '${PASSWORD}'`);
    await server.query('CREATE DATABASE feast OWNER feast');
    return server;
  },
  open(port, { maxConnections, settings = {}, ...config } = {}) {
    return openPostgresStore({
      server: { port },
      database: 'feast',
      config: {
        user: 'feast',
        password: PASSWORD,
        db_schema: 'features',
        ...(maxConnections === undefined ? {} : { max_conn: maxConnections }),
        ...config,
      },
      settings,
    });
  },
  async countConnections(server) {
    const rows = await server.query("SELECT pid FROM pg_stat_activity WHERE usename = 'feast'");
    return rows.length;
  },
  async endConnections(server) {
    await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'feast'");
  },
  async takeAllConnections(server) {
    const held: pg.Client[] = [];
    for (;;) {
      const client = new pg.Client({
        host: '127.0.0.1',
        port: server.port,
        user: 'feast',
        password: PASSWORD,
        database: 'feast',
      });
      client.on('error', () => {});
      try {
        await client.connect();
        held.push(client);
      } catch {
        break;
      }
    }
    return async () => {
      await Promise.all(held.map((client) => client.end()));
    };
  },
});
