import {
  MySQLOnlineStore,
  MySQLOnlineStoreConfig,
  MySQLOnlineStoreSettings,
} from '../../src/stores/mysql/mysql-online-store.ts';

export interface OpenMysqlStore {
  readonly server: { readonly port: number };
  readonly database: string;
  /** What else stands in `online_store`. */
  readonly config?: object;
  /** `sideboard.mysql` */
  readonly settings?: object;
  readonly repoPath?: string;
}

/** A store on a database of a test server, as its root user. */
export function openMysqlStore({
  server,
  database,
  config,
  settings,
  repoPath = '/',
}: OpenMysqlStore): MySQLOnlineStore {
  const parsed = MySQLOnlineStoreConfig.parse({
    port: server.port,
    user: 'root',
    password: 'root',
    database,
    ...config,
  });
  return new MySQLOnlineStore(
    parsed,
    { project: 'any', repoPath, warn: () => {} },
    MySQLOnlineStoreSettings.parse(settings ?? {}),
  );
}
