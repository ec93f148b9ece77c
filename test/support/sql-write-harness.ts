import type { OnlineStore, OnlineTable } from '../../src/stores/online-store.ts';
import {
  SqliteOnlineStore,
  SqliteOnlineStoreConfig,
  SqliteOnlineStoreSettings,
} from '../../src/stores/sqlite/sqlite-online-store.ts';
import { openMysqlStore } from './mysql-store.ts';
import { openPostgresStore } from './postgres-store.ts';

/** Where a store is that several processes open. */
export type SqlTarget =
  | { readonly store: 'sqlite'; readonly path: string; readonly settings?: object }
  | {
      readonly store: 'mysql' | 'postgres';
      readonly port: number;
      readonly database: string;
      readonly settings?: object;
    };

export interface SqlWriteHarness {
  /** An empty database, without the one before. */
  reset(): Promise<SqlTarget>;
  /** All that a table holds, a row per entity and feature, in some fixed order. */
  dump(table: OnlineTable): Promise<readonly unknown[]>;
  /** Names of all that the database holds. */
  names(): Promise<readonly unknown[]>;
}

export function openTarget(target: SqlTarget, settings: object = {}): OnlineStore {
  const all = { ...target.settings, ...settings };
  switch (target.store) {
    case 'sqlite': {
      const config = SqliteOnlineStoreConfig.parse({ path: target.path });
      const context = { project: 'p', repoPath: '/', warn: () => {} };
      return new SqliteOnlineStore(config, context, SqliteOnlineStoreSettings.parse(all));
    }
    case 'mysql':
      return openMysqlStore({ server: target, database: target.database, settings: all });
    case 'postgres':
      return openPostgresStore({ server: target, database: target.database, settings: all });
  }
}
