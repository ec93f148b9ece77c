import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, createConnection } from 'mysql2/promise';
import { findFreePort } from './redis-server.ts';
import { createServerProcess, runProgram, type ServerProcess, sharedByTheRun } from './server-process.ts';

/** A real MariaDB server on a free port of 127.0.0.1. The password of its user `root` is `root`. */
export interface MysqlServer extends ServerProcess {
  readonly port: number;
  /** Runs one statement as root. */
  query(sql: string, database?: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /**
   * Drops the database, where there is one, and creates it.
   * @param collation the server's default, which takes `a` for `A`, unless given
   */
  createDatabase(name: string, collation?: string): Promise<void>;
  /** Ends the process and removes its folder. */
  remove(): Promise<void>;
}

/** @param args options of the command line, after those that place and speed up the server */
export async function startMysqlServer(args: readonly string[] = []): Promise<MysqlServer> {
  const port = await findFreePort();
  const folder = mkdtempSync(join(tmpdir(), 'sideboard-mysql-'));
  const data = join(folder, 'data');
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
  // A server that starts removes what it takes for its own temporary tables, also those of another one in the same folder.
  const common = ['--no-defaults', `--datadir=${data}`, `--tmpdir=${folder}`, ...asRoot];
  const connect = (database?: string): Promise<Connection> =>
    createConnection({
      host: '127.0.0.1',
      port,
      user: 'root',
      password: 'root',
      dateStrings: true,
      multipleStatements: true,
      ...(database === undefined ? {} : { database }),
    });
  const query = async (sql: string, database?: string): Promise<readonly Readonly<Record<string, unknown>>[]> => {
    const connection = await connect(database);
    try {
      const [rows] = await connection.query(sql);
      return Array.isArray(rows) ? (rows as Readonly<Record<string, unknown>>[]) : [];
    } finally {
      connection.destroy();
    }
  };
  const server = createServerProcess({
    program: 'mariadbd',
    args: [
      ...common,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(folder, 'mysql.sock')}`,
      `--pid-file=${join(folder, 'mysql.pid')}`,
      `--init-file=${join(folder, 'init.sql')}`,
      '--skip-name-resolve',
      '--skip-log-bin',
      '--innodb-flush-log-at-trx-commit=0',
      '--innodb-doublewrite=0',
      '--innodb-flush-method=nosync',
      '--character-set-server=utf8mb4',
      '--innodb-buffer-pool-size=64M',
      ...args,
    ],
    isUp: () => query('SELECT 1'),
  });
  const remove = async (): Promise<void> => {
    await server.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    // The program writes its plug-ins' tables by a server of its own: without a root password, and without test databases.
    const quick = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'];
    runProgram('mariadb-install-db', [...common, ...quick, '--innodb-log-file-size=8M'], undefined);
    const init = join(folder, 'init.sql');
    const statements = [
      "CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY 'root'",
      "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION",
    ];
    writeFileSync(init, `${statements.join(';\n')};\n`);
    await server.start();
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    ...server,
    port,
    query,
    async createDatabase(name, collation) {
      await query(`DROP DATABASE IF EXISTS \`${name}\``);
      await query(`CREATE DATABASE \`${name}\`${collation === undefined ? '' : ` COLLATE ${collation}`}`);
    },
    remove,
  };
}

/** The server that test files share; each takes a database of its own. */
export const sharedMysqlServer = sharedByTheRun(() => startMysqlServer());
