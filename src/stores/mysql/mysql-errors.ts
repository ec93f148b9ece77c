import { type ErrorTranslation, storeErrorFromTranslation, UNEXPECTED } from '../error-translation.ts';
import { STARTING_OR_ENDING, tableMissingError, UNREACHABLE, WRONG_COLUMNS } from '../sql/sql-errors.ts';
import { StoreError } from '../store-error.ts';

const REFUSED: ErrorTranslation = {
  code: 'STORE_AUTH_FAILED',
  says: 'refused the user or the password',
  hint: 'Check user and password in online_store.',
};
const DENIED: ErrorTranslation = {
  code: 'STORE_PERMISSION_DENIED',
  says: 'does not allow the user to do this',
  hint: 'Serving needs SELECT; writing INSERT and UPDATE; apply and teardown CREATE, INDEX, ALTER and DROP.',
};
const FULL: ErrorTranslation = {
  code: 'STORE_OVERLOADED',
  says: 'takes no more connections',
  hint: 'Raise max_connections of the server, or lower sideboard.mysql.max_connections times the number of sidecars.',
};
const READ_ONLY: ErrorTranslation = {
  code: 'STORE_READ_ONLY',
  says: 'takes no writes',
  hint: 'It is a replica, or set to read_only: connect to the primary.',
};
const TOO_LATE: ErrorTranslation = {
  code: 'STORE_TIMEOUT',
  says: 'ended a statement that took too long',
  hint: 'Look at its load, and at sideboard.mysql.read_timeout_ms and write_timeout_ms.',
};
const KILLED: ErrorTranslation = { ...TOO_LATE, says: 'ended a statement, which was killed' };
const BUSY_ROWS: ErrorTranslation = {
  code: 'STORE_UNAVAILABLE',
  says: 'has the rows locked by another writer',
  hint: 'Try again; writers of the same entities wait for each other.',
};
const NO_TLS: ErrorTranslation = {
  code: 'STORE_UNAVAILABLE',
  says: 'cannot be reached over TLS',
  hint: 'Check sideboard.mysql.tls and tls_ca, and the host name of its certificate.',
};
const NO_SPACE: ErrorTranslation = { code: 'STORE_OVERLOADED', says: 'has no space left', hint: 'Free some space.' };

/** By the server's error numbers, which MySQL and MariaDB share unless noted. */
const BY_NUMBER: Readonly<Record<number, ErrorTranslation>> = {
  1021: NO_SPACE,
  1040: FULL,
  1042: UNREACHABLE,
  1044: {
    code: 'STORE_AUTH_FAILED',
    says: 'does not let the user into the database',
    hint: 'Check user and database in online_store, or grant the user rights on the database.',
  },
  1045: REFUSED,
  1049: {
    code: 'STORE_WRONG_LAYOUT',
    says: 'has no database of that name',
    hint: 'Check database in online_store, or create it: CREATE DATABASE.',
  },
  1053: STARTING_OR_ENDING,
  1054: WRONG_COLUMNS,
  1114: NO_SPACE,
  1129: {
    code: 'STORE_AUTH_FAILED',
    says: 'blocks this host after too many failed connections',
    hint: 'Run FLUSH HOSTS on the server, and look at what interrupted the connections.',
  },
  1130: { ...REFUSED, says: 'does not let this host in' },
  1142: DENIED,
  1143: DENIED,
  1153: {
    code: 'STORE_INVALID_ROW',
    says: 'takes no statement of this size',
    hint: 'A value is larger than max_allowed_packet of the server.',
  },
  1203: FULL,
  1205: BUSY_ROWS,
  1213: BUSY_ROWS,
  1226: FULL,
  1227: DENIED,
  1251: { ...REFUSED, says: 'asks for a way to authenticate that is not supported' },
  1290: READ_ONLY,
  1292: {
    code: 'STORE_INVALID_ROW',
    says: 'cannot hold the time of a row',
    hint:
      'A TIMESTAMP holds 1970-01-01 00:00:01 to 2038, and no hour that daylight saving skips in the zone of the session: ' +
      'see sideboard.mysql.time_zone.',
  },
  1298: {
    code: 'STORE_FAILED',
    says: 'does not know the time zone',
    hint: 'Check sideboard.mysql.time_zone.',
  },
  1317: KILLED,
  1366: {
    code: 'STORE_INVALID_ROW',
    says: 'cannot hold the name of a feature in the character set of its table',
    hint: 'Convert the table: ALTER TABLE ... CONVERT TO CHARACTER SET utf8mb4.',
  },
  1370: DENIED,
  1792: READ_ONLY,
  1836: READ_ONLY,
  1927: UNREACHABLE,
  // MariaDB and MySQL, in this order.
  1969: TOO_LATE,
  3024: TOO_LATE,
  3159: { ...NO_TLS, says: 'takes encrypted connections only', hint: 'Set sideboard.mysql.tls.' },
};

/** By codes of the client library and of Node. */
const BY_CODE: readonly (readonly [RegExp, ErrorTranslation])[] = [
  [
    /^(HANDSHAKE_NO_SSL_SUPPORT|HANDSHAKE_SSL_ERROR|ERR_TLS|ERR_SSL|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO_|EPROTO)/,
    NO_TLS,
  ],
  [
    /^ETIMEDOUT$/,
    { ...UNREACHABLE, says: 'did not answer in time', hint: 'Check the address, the network and its load.' },
  ],
  [/^(PROTOCOL_CONNECTION_LOST|ECONN|ENOTFOUND|EAI_|EHOST|ENET|EPIPE|EADDR|ENOENT|EACCES)/, UNREACHABLE],
];

const LOST = /^(PROTOCOL_CONNECTION_LOST|ECONNRESET|EPIPE|ECONNABORTED)$/;
/** Killed connections; MySQL's own for a session that was idle for too long. */
const LOST_NUMBERS = new Set([1053, 1927, 4031]);
const CONFLICTS = new Set([1205, 1213]);

/** True when the connection broke and the statement may or may not have been carried out. */
export function isLoss(error: unknown): boolean {
  const { code, errno, message } = fieldsOf(error);
  return LOST.test(code) || LOST_NUMBERS.has(errno) || /closed state/.test(message);
}

export function isConflict(error: unknown): boolean {
  return CONFLICTS.has(fieldsOf(error).errno);
}

/** True when a column cannot hold what was to be written. */
export function isTooLong(error: unknown): boolean {
  return fieldsOf(error).errno === 1406;
}

/** True when another program has added the index in the meantime. */
export function isDuplicateIndex(error: unknown): boolean {
  return fieldsOf(error).errno === 1061;
}

/**
 * Translates an error of the server or of mysql2. The cause that it keeps is a copy without the statement, in which stored
 * values stand.
 */
export function storeErrorFromMysql(error: unknown, where: string): StoreError {
  if (error instanceof StoreError) return error;
  const { code, errno, message } = fieldsOf(error);
  const cause = safeCopy(error);
  const table = errno === 1146 ? /'([^']*)'/.exec(message)?.[1] : undefined;
  if (table !== undefined) return tableMissingError(where, table, cause);
  const known =
    BY_NUMBER[errno] ??
    BY_CODE.find(([pattern]) => pattern.test(code))?.[1] ??
    (/certificate|self.signed|altnames/i.test(message) ? NO_TLS : undefined) ??
    (isLoss(error) ? UNREACHABLE : undefined);
  if (known === undefined) return storeErrorFromTranslation(UNEXPECTED, where, cause);
  const detail = /^[A-Z_]{3,}$/.test(code) ? ` (${code})` : '';
  const says = objectSaid(errno, message, known.says);
  return storeErrorFromTranslation({ ...known, says: `${says}${detail}` }, where, cause);
}

/** Names the database, or the right and the table, that the server's message names, where it is in English. */
function objectSaid(errno: number, message: string, says: string): string {
  if (errno === 1049) {
    const database = /database '([^']*)'/.exec(message)?.[1];
    return database === undefined ? says : `has no database "${database}"`;
  }
  // MySQL writes the table as 'stats', MariaDB as `feast`.`stats`.
  const denied = errno === 1142 ? /^([A-Z][A-Z ,]*) command denied .* for table (['`].+['`])$/.exec(message) : null;
  return denied === null ? says : `${says}: ${denied[1]} on ${denied[2]}`;
}

function fieldsOf(error: unknown): { code: string; errno: number; message: string } {
  const { code, errno, message } = (error ?? {}) as Readonly<Record<string, unknown>>;
  return {
    code: typeof code === 'string' ? code : '',
    errno: typeof errno === 'number' ? errno : 0,
    message: typeof message === 'string' ? message : String(error),
  };
}

function safeCopy(error: unknown): Error {
  const { code, errno, message } = fieldsOf(error);
  // Some messages quote the value that was refused.
  const copy = new Error(message.replace(/(value: )'.*?'( for|$)/g, "$1'…'$2"));
  if (error instanceof Error) copy.name = error.name;
  return Object.assign(copy, { code, errno });
}
