import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { findFreePort } from './redis-server.ts';
import { createServerProcess, runProgram, type ServerProcess, sharedByTheRun } from './server-process.ts';

/** A real PostgreSQL server on a free port of 127.0.0.1. Its superuser is `postgres`, with the password `postgres`. */
export interface PostgresServer extends ServerProcess {
  readonly port: number;
  /** Its folder, where a test may put files that its options name. */
  readonly folder: string;
  /** Runs statements as superuser. */
  query(sql: string, database?: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Drops the database, where there is one, and creates it. */
  createDatabase(name: string): Promise<void>;
  /** Ends the processes and removes the folder. */
  remove(): Promise<void>;
}

export interface PostgresServerOptions {
  /** Lines of postgresql.conf. */
  readonly settings?: readonly string[];
  /** Puts files into the server's folder before it starts. */
  readonly prepare?: (folder: string) => void;
}

export async function startPostgresServer(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const port = await findFreePort();
  const folder = mkdtempSync(join(tmpdir(), 'sideboard-postgres-'));
  const data = join(folder, 'data');
  const user = unprivilegedUser();
  const own = (path: string): void => {
    if (user !== undefined) chownSync(path, user.uid, user.gid);
  };
  const query = async (sql: string, database = 'postgres') => {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'postgres',
      password: 'postgres',
      database,
      connectionTimeoutMillis: 5000,
    });
    client.on('error', () => {});
    await client.connect();
    try {
      const result: { readonly rows: readonly Readonly<Record<string, unknown>>[] } = await client.query(sql);
      return result.rows;
    } finally {
      await client.end();
    }
  };
  const server = createServerProcess({
    program: postgresProgram('postgres'),
    args: ['-D', data],
    user,
    isUp: () => query('SELECT 1'),
  });
  const remove = async (): Promise<void> => {
    await server.kill();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  try {
    own(folder);
    const password = join(folder, 'password');
    writeFileSync(password, 'postgres');
    own(password);
    const init = ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${password}`];
    runProgram(postgresProgram('initdb'), [...init, '-E', 'UTF8', '--locale=C', '--no-sync'], user);
    options.prepare?.(folder);
    const settings = [
      `port = ${port}`,
      "listen_addresses = '127.0.0.1'",
      `unix_socket_directories = '${folder}'`,
      'fsync = off',
      'synchronous_commit = off',
      'full_page_writes = off',
      "shared_buffers = '32MB'",
      ...(options.settings ?? []),
    ];
    writeFileSync(join(data, 'postgresql.conf'), `${settings.join('\n')}\n`, { flag: 'a' });
    for (const file of readdirSync(folder)) own(join(folder, file));
    await server.start();
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    ...server,
    port,
    folder,
    query,
    async createDatabase(name) {
      await query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
      await query(`CREATE DATABASE "${name}"`);
    },
    remove,
  };
}

/** The server that test files share; each takes a database of its own. */
export const sharedPostgresServer = sharedByTheRun(() => startPostgresServer());

/** PostgreSQL refuses to run as root: its package brings a user. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const home = statSync('/var/lib/postgresql', { throwIfNoEntry: false });
  return home === undefined ? { uid: 65_534, gid: 65_534 } : { uid: home.uid, gid: home.gid };
}

/** Debian keeps the programs of every version in a folder outside of the PATH. */
function postgresProgram(name: string): string {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions.map((version) => join(root, version, 'bin', name)).find((path) => existsSync(path));
  return found ?? name;
}
