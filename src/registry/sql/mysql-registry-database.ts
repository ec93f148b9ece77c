import { readFile } from 'node:fs/promises';
import { connect as connectSocket, type Socket } from 'node:net';
import type { ConnectionOptions, SslOptions } from 'mysql2';
import type { Connection } from 'mysql2/promise';
import { loadOptionalPackage } from '../optional-package.ts';
import { endOnAbort } from './query-with-abort.ts';
import type { SqlDatabase } from './sql-database.ts';
import { errorFromDatabase, type SqlFailureCodes } from './sql-failure.ts';
import { type SqlAlchemyUrl, shownUrl } from './sqlalchemy-url.ts';

const connectTimeoutMs = 10_000;

const codes: SqlFailureCodes = {
  login: new Set(['ER_ACCESS_DENIED_ERROR', 'ER_HOST_NOT_PRIVILEGED', 'ER_ACCESS_DENIED_NO_PASSWORD_ERROR']),
  grant: new Set(['ER_DBACCESS_DENIED_ERROR', 'ER_TABLEACCESS_DENIED_ERROR', 'ER_COLUMNACCESS_DENIED_ERROR']),
  missing: new Set(['ER_BAD_DB_ERROR', 'ER_NO_DB_ERROR']),
  grantStatement:
    'GRANT SELECT ON DATABASE.* TO the user of registry.path, with the name of the database in place of DATABASE.',
};

/** A registry in MySQL or MariaDB. One connection for each reading: there is nothing to keep alive between two. */
export function createMysqlRegistryDatabase(url: SqlAlchemyUrl): SqlDatabase {
  const name = `registry ${shownUrl(url)}`;
  return {
    listTables: 'SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()',
    async read(work, signal) {
      let connection: Connection | undefined;
      // Held here from the start, because there is no connection to destroy as long as the server has not answered.
      let socket: Socket | undefined;
      try {
        return await endOnAbort(
          signal,
          () => socket?.destroy(new Error('The reading was given up.')),
          async () => {
            const options = await optionsFrom(url);
            const mysql = await loadOptionalPackage('mysql2', 'A registry in MySQL', () => import('mysql2/promise'));
            signal?.throwIfAborted();
            socket = socketTo(options);
            const opened = await mysql.createConnection({ ...options, stream: socket });
            connection = opened;
            // What ends an idle connection shows with the next statement.
            opened.on('error', () => {});
            await opened.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
            await opened.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
            return work(async (sql, parameters = []) => {
              const [rows] = await opened.query({ sql, rowsAsArray: true }, [...parameters]);
              return rows as unknown[][];
            });
          },
        );
      } catch (error) {
        throw errorFromDatabase(error, name, codes);
      } finally {
        connection?.destroy();
        socket?.destroy();
      }
    },
  };
}

function socketTo({ socketPath, host = 'localhost', port = 3306 }: ConnectionOptions): Socket {
  return socketPath === undefined ? connectSocket({ host, port, noDelay: true }) : connectSocket(socketPath);
}

async function optionsFrom(url: SqlAlchemyUrl): Promise<ConnectionOptions> {
  const { user, password, host, port, database, query } = url;
  const socketPath = query.get('unix_socket');
  const ssl = await tlsFrom(query);
  return {
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(database === '' ? {} : { database }),
    ...(socketPath === undefined ? {} : { socketPath }),
    ...(ssl === undefined ? {} : { ssl }),
    charset: 'utf8mb4',
    connectTimeout: connectTimeoutMs,
  };
}

/** The names that PyMySQL and mysqlclient give them: `ssl_ca`, `ssl_cert`, `ssl_key`, `ssl_check_hostname`. */
async function tlsFrom(query: SqlAlchemyUrl['query']): Promise<SslOptions | undefined> {
  const read = async (key: string): Promise<string | undefined> => {
    const file = query.get(key);
    return file === undefined ? undefined : readFile(file, 'utf8');
  };
  const [ca, cert, key] = await Promise.all([read('ssl_ca'), read('ssl_cert'), read('ssl_key')]);
  if (ca === undefined && cert === undefined) return undefined;
  return {
    rejectUnauthorized: ca !== undefined,
    verifyIdentity: query.get('ssl_check_hostname') === 'true',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
