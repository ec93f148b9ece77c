import {
  PostgreSQLOnlineStore,
  PostgreSQLOnlineStoreConfig,
  PostgreSQLOnlineStoreSettings,
} from '../../src/stores/postgres/postgres-online-store.ts';

export interface OpenPostgresStore {
  readonly server: { readonly port: number };
  readonly database: string;
  /** What else stands in `online_store`. */
  readonly config?: object;
  /** `sideboard.postgres` */
  readonly settings?: object;
  readonly repoPath?: string;
}

/** A store on a database of a test server, as its superuser. */
export function openPostgresStore(options: OpenPostgresStore): PostgreSQLOnlineStore {
  const { server, database, config, settings, repoPath = '/' } = options;
  const parsed = PostgreSQLOnlineStoreConfig.parse({
    host: '127.0.0.1',
    port: server.port,
    user: 'postgres',
    password: 'postgres',
    database,
    sslmode: 'disable',
    ...config,
  });
  return new PostgreSQLOnlineStore(
    parsed,
    { project: 'any', repoPath, warn: () => {} },
    PostgreSQLOnlineStoreSettings.parse(settings ?? {}),
  );
}
