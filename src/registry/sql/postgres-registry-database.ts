import { readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Client, ClientConfig } from 'pg';
import { loadOptionalPackage } from '../optional-package.ts';
import { endOnAbort } from './query-with-abort.ts';
import type { SqlDatabase } from './sql-database.ts';
import { errorFromDatabase, type SqlFailureCodes } from './sql-failure.ts';
import { type SqlAlchemyUrl, shownUrl } from './sqlalchemy-url.ts';

const connectTimeoutMs = 10_000;

const codes: SqlFailureCodes = {
  login: new Set(['28P01', '28000']),
  grant: new Set(['42501']),
  missing: new Set(['3D000', '3F000']),
  grantStatement: 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO the user of registry.path, with USAGE on the schema.',
};

/** A registry in PostgreSQL. One connection for each reading: there is nothing to keep alive between two. */
export function createPostgresRegistryDatabase(url: SqlAlchemyUrl): SqlDatabase {
  const name = `registry ${shownUrl(url)}`;
  return {
    listTables: 'SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = ANY (current_schemas(false))',
    async read(work, signal) {
      try {
        let socket: Socket | undefined;
        const open = (): Socket => {
          socket = new Socket();
          return socket;
        };
        return await endOnAbort(
          signal,
          () => socket?.destroy(),
          async () => {
            const client = await connect(url, open, signal);
            try {
              await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
              return await work(async (sql, parameters = []) => {
                let position = 0;
                const text = sql.replaceAll('?', () => `$${++position}`);
                const { rows } = await client.query<unknown[]>({ text, values: [...parameters], rowMode: 'array' });
                return rows;
              });
            } finally {
              await client.end();
            }
          },
        );
      } catch (error) {
        throw errorFromDatabase(error, name, codes);
      }
    },
  };
}

async function connect(url: SqlAlchemyUrl, stream: () => Socket, signal: AbortSignal | undefined): Promise<Client> {
  const { default: pg } = await loadOptionalPackage('pg', 'A registry in PostgreSQL', () => import('pg'));
  const mode = url.query.get('sslmode') ?? 'prefer';
  const ssl = await tlsFrom(mode, url.query);
  const open = async (options: ClientConfig): Promise<Client> => {
    signal?.throwIfAborted();
    const client = new pg.Client({ ...options, stream });
    // What ends an idle connection shows with the next statement.
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const options = optionsFrom(url);
  try {
    return await open({ ...options, ssl });
  } catch (error) {
    const plainServer = error instanceof Error && /does not support SSL/.test(error.message);
    if (mode !== 'prefer' || !plainServer) throw error;
    return open({ ...options, ssl: false });
  }
}

function optionsFrom(url: SqlAlchemyUrl): ClientConfig {
  const { user, password, host, port, database, query } = url;
  const server = host ?? query.get('host');
  const options = query.get('options');
  return {
    ...(server === undefined ? {} : { host: server }),
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(database === '' ? {} : { database }),
    ...(options === undefined ? {} : { options }),
    application_name: query.get('application_name') ?? 'sideboard',
    connectionTimeoutMillis: connectTimeoutMs,
  };
}

/** libpq's modes: up to `prefer` without insisting, `require` without looking at the certificate unless a root is named. */
async function tlsFrom(mode: string, query: SqlAlchemyUrl['query']): Promise<ConnectionOptions | false> {
  if (mode === 'disable' || mode === 'allow') return false;
  const read = async (key: string): Promise<Buffer | undefined> => {
    const file = query.get(key);
    return file === undefined || file === 'system' ? undefined : readFile(file);
  };
  const [ca, cert, key] = await Promise.all([read('sslrootcert'), read('sslcert'), read('sslkey')]);
  const verifies = mode === 'verify-ca' || mode === 'verify-full' || (mode === 'require' && ca !== undefined);
  return {
    rejectUnauthorized: verifies,
    ...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
