import { RegistryError } from '../registry-error.ts';

export type SqlDialect = 'sqlite' | 'postgresql' | 'mysql';

/** The parts of a database URL as SQLAlchemy reads it, percent-decoded. */
export interface SqlAlchemyUrl {
  readonly dialect: SqlDialect;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** A database's name; for SQLite the file. */
  readonly database: string;
  readonly query: ReadonlyMap<string, string>;
}

const dialects: Readonly<Record<string, SqlDialect>> = {
  sqlite: 'sqlite',
  postgresql: 'postgresql',
  postgres: 'postgresql',
  mysql: 'mysql',
  mariadb: 'mysql',
};

/**
 * Parses `dialect+driver://user:password@host:port/database?key=value`. The driver is Python's and plays no part here.
 * @param setting Where the URL stands, for messages; they never hold the URL itself.
 * @throws RegistryError `REGISTRY_SETTINGS_INVALID`
 */
export function parseSqlAlchemyUrl(url: string, setting: string): SqlAlchemyUrl {
  const [, scheme = '', rest] = /^([\w.]+)(?:\+\w+)?:\/\/(.*)$/s.exec(url) ?? [];
  const dialect = Object.hasOwn(dialects, scheme) ? dialects[scheme] : undefined;
  if (rest === undefined || dialect === undefined) {
    throw invalid(
      setting,
      scheme === '' ? 'is not a database URL' : `names the database "${scheme}", which is not read here`,
    );
  }
  // A password may hold anything but an @, which is written %40; a user's name neither a colon nor a slash.
  const [, user, password, place = ''] = /^(?:([^:/]*)(?::([^@]*))?@)?(.*)$/s.exec(rest) ?? [];
  const [location = '', query = ''] = splitOnce(place, '?');
  const [server = '', path] = splitOnce(location, '/');
  const [, ipv6, name, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{0,5}))?$/.exec(server) ?? [];
  if (server !== '' && ipv6 === undefined && name === undefined) throw invalid(setting, 'names no valid host and port');
  const database = dialect === 'sqlite' ? fileFrom(path, setting) : decode(path ?? '', setting);
  return {
    dialect,
    user: user === undefined || user === '' ? undefined : decode(user, setting),
    password: password === undefined ? undefined : decode(password, setting),
    host: ipv6 ?? (name === '' ? undefined : name),
    port: port === undefined || port === '' ? undefined : Number(port),
    database,
    query: new Map(new URLSearchParams(query)),
  };
}

/** Host, port and database, without user and query. */
export function shownUrl({ dialect, host, port, database, query }: SqlAlchemyUrl): string {
  const server = host ?? query.get('host') ?? query.get('unix_socket') ?? '';
  return `${dialect}://${server}${port === undefined ? '' : `:${port}`}/${database}`;
}

function fileFrom(path: string | undefined, setting: string): string {
  const file = (path ?? '').replace(/^file:/, '');
  if (file !== '' && file !== ':memory:') return file;
  throw invalid(setting, 'names no SQLite file: it is written sqlite:///relative.db or sqlite:////absolute.db');
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

function decode(text: string, setting: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(setting, 'has a % that is not followed by two hexadecimal digits');
  }
}

function invalid(setting: string, problem: string): RegistryError {
  return new RegistryError('REGISTRY_SETTINGS_INVALID', `The URL in ${setting} ${problem}.`, {
    hint: 'It is written as SQLAlchemy reads it, such as postgresql+psycopg://USER:PASSWORD@HOST:5432/DATABASE.',
  });
}
