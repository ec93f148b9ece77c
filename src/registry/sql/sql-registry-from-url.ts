import { resolve } from 'node:path';
import type { RegistrySource } from '../registry-source.ts';
import { createMysqlRegistryDatabase } from './mysql-registry-database.ts';
import { createPostgresRegistryDatabase } from './postgres-registry-database.ts';
import type { SqlDatabase } from './sql-database.ts';
import { createSqlRegistrySource } from './sql-registry-source.ts';
import { parseSqlAlchemyUrl, type SqlAlchemyUrl, shownUrl } from './sqlalchemy-url.ts';
import { createSqliteRegistryDatabase, type OpenSqliteFile } from './sqlite-registry-database.ts';

export interface SqlRegistryOptions {
  /** A database URL as SQLAlchemy reads it. */
  readonly url: string;
  /** Where it stands, for messages: `registry.path`. */
  readonly setting: string;
  /** `connect_args` of `sqlalchemy_config_kwargs`, which the Python driver gets beside the URL. */
  readonly connectArgs?: Readonly<Record<string, unknown>>;
  /** Folder from which a relative path of a SQLite file starts. */
  readonly repoPath: string;
  readonly project: string;
  readonly maxBytes: number;
  readonly openSqliteFile: OpenSqliteFile;
  readonly settleMs?: number;
}

/**
 * The registry that a database URL names.
 * @throws RegistryError `REGISTRY_SETTINGS_INVALID`
 */
export function createSqlRegistrySourceFromUrl(options: SqlRegistryOptions): RegistrySource {
  const { project, maxBytes, settleMs } = options;
  const parsed = parseSqlAlchemyUrl(options.url, options.setting);
  const url: SqlAlchemyUrl = { ...parsed, query: new Map([...parsed.query, ...textsOf(options.connectArgs)]) };
  const { database, shown } = databaseOf(url, options);
  const name = `registry ${shown}`;
  return createSqlRegistrySource({
    database,
    name,
    project,
    maxBytes,
    ...(settleMs === undefined ? {} : { settleMs }),
  });
}

function databaseOf(
  url: SqlAlchemyUrl,
  { repoPath, openSqliteFile }: SqlRegistryOptions,
): { database: SqlDatabase; shown: string } {
  switch (url.dialect) {
    case 'sqlite': {
      const file = resolve(repoPath, url.database);
      return { database: createSqliteRegistryDatabase(file, openSqliteFile), shown: `sqlite:///${file}` };
    }
    case 'postgresql':
      return { database: createPostgresRegistryDatabase(url), shown: shownUrl(url) };
    case 'mysql':
      return { database: createMysqlRegistryDatabase(url), shown: shownUrl(url) };
  }
}

function textsOf(args: Readonly<Record<string, unknown>> = {}): [string, string][] {
  return Object.entries(args)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .map(([key, value]) => [key, String(value)]);
}
