import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, createConnection } from 'mysql2/promise';
import { Canaries } from '../../support/canaries.ts';
import type { MysqlServer } from '../../support/mysql-server.ts';
import type { Form, RowReport } from '../harness/figures.ts';
import type { RowContext } from '../harness/row.ts';
import { reading, writing } from './questions.ts';
import { openRefusingStore } from './refusing-store.ts';

const DATABASE = 'features';
const USER = 'feast';
/** MariaDB's least is 10. */
const MOST_CONNECTIONS = 12;
const USUAL_CONNECTIONS = 151;
/** A statement that waits for a lock ends by being killed, and by nothing else. */
const PATIENCE = { read_timeout_ms: 20_000, write_timeout_ms: 20_000, acquire_timeout_ms: 20_000 };

/** MariaDB with statements that are killed, and without a free connection. */
export async function refusalsOfMysql(context: RowContext, form: Form, server: MysqlServer): Promise<RowReport> {
  const canaries = new Canaries();
  const password = canaries.create("MariaDB's password");
  await server.createDatabase(DATABASE);
  const user = `${USER}@'127.0.0.1'`;
  await server.query(`CREATE USER ${user} IDENTIFIED BY '${password}'; GRANT ALL ON ${DATABASE}.* TO ${user}`);
  const store = await openRefusingStore(context, form, {
    name: 'MariaDB',
    onlineStore: { type: 'mysql', port: server.port, user: USER, password, database: DATABASE },
    sideboard: { mysql: PATIENCE },
    perSecond: { long: 200, short: 50 },
    askDeadlineMs: 10_000,
    canaries,
  });
  const connect = async (as: { readonly user: string; readonly password: string }): Promise<Connection> => {
    const connection = await createConnection({ ...as, host: '127.0.0.1', port: server.port, database: DATABASE });
    connection.on('error', () => {});
    context.cleanUp(() => connection.destroy());
    return connection;
  };
  const root = { user: 'root', password: 'root' };
  const [holder, killer] = [await connect(root), await connect(root)];
  const tables = (await server.query('SHOW TABLES', DATABASE)).map((row) => `\`${Object.values(row).join()}\` WRITE`);
  let stopKilling = async (): Promise<void> => {};
  context.cleanUp(() => stopKilling());
  await store.refuse({
    name: 'killed queries',
    async inject() {
      await holder.query(`LOCK TABLES ${tables.join(', ')}`);
      stopKilling = killWaitingQueries(killer);
    },
    async restore() {
      await stopKilling();
      await holder.query('UNLOCK TABLES');
    },
    questions: [reading('STORE_TIMEOUT', 'which was killed'), writing('STORE_TIMEOUT', 'which was killed')],
    load: 'refused',
  });
  const fillers = new Map<number, Connection>();
  await store.refuse({
    name: 'out of connections',
    inject: () => killer.query(`SET GLOBAL max_connections = ${MOST_CONNECTIONS}`),
    // Until no connection is left but those here: whoever is thrown out comes back at once, into any place that is free.
    async press() {
      for (;;) {
        for (;;) {
          const filler = await connect({ user: USER, password }).catch(() => undefined);
          if (filler === undefined) break;
          fillers.set(filler.threadId, filler);
        }
        const others = (await idsOf(killer, `user IN ('${USER}', 'unauthenticated user')`)).filter(
          (id) => !fillers.has(id),
        );
        if (others.length === 0) return;
        for (const id of others) await killer.query(`KILL ${id}`).catch(() => {});
      }
    },
    async restore() {
      for (const filler of fillers.values()) filler.destroy();
      await killer.query(`SET GLOBAL max_connections = ${USUAL_CONNECTIONS}`);
    },
    questions: [
      reading('STORE_OVERLOADED', 'takes no more connections'),
      writing('STORE_OVERLOADED', 'takes no more connections'),
    ],
    load: 'refused',
  });
  return store.finish();
}

/** Kills each query of the user that waits for a lock, soon after it began to. @returns ends it */
function killWaitingQueries(connection: Connection): () => Promise<void> {
  let isOver = false;
  const killing = (async () => {
    while (!isOver) {
      const waiting = await idsOf(connection, `user = '${USER}' AND state LIKE 'Waiting for table%'`);
      for (const id of waiting) await connection.query(`KILL QUERY ${id}`).catch(() => {});
      await sleep(10);
    }
  })();
  // Without its connection the row has ended by itself.
  killing.catch(() => {});
  return async () => {
    isOver = true;
    await killing;
  };
}

async function idsOf(connection: Connection, condition: string): Promise<readonly number[]> {
  const [rows] = await connection.query(`SELECT id FROM information_schema.processlist WHERE ${condition}`);
  return (rows as { readonly id: number | string }[]).map(({ id }) => Number(id));
}
