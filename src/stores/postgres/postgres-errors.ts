import { type ErrorTranslation, storeErrorFromTranslation, UNEXPECTED } from '../error-translation.ts';
import { APPLY, STARTING_OR_ENDING, tableMissingError, UNREACHABLE, WRONG_COLUMNS } from '../sql/sql-errors.ts';
import { StoreError } from '../store-error.ts';

const REFUSED: ErrorTranslation = {
  code: 'STORE_AUTH_FAILED',
  says: 'refused the user or the password',
  hint: 'Check user and password in online_store, and pg_hba.conf of the server.',
};
const DENIED: ErrorTranslation = {
  code: 'STORE_PERMISSION_DENIED',
  says: 'does not allow the user to do this',
  hint:
    'Serving needs USAGE on the schema and SELECT on the tables; writing INSERT and UPDATE; apply and teardown CREATE on the ' +
    'schema and tables that belong to the user.',
};
const FULL: ErrorTranslation = {
  code: 'STORE_OVERLOADED',
  says: 'takes no more connections',
  hint: 'Raise max_connections of the server, or lower online_store.max_conn times the number of sidecars.',
};
const NO_SPACE: ErrorTranslation = {
  code: 'STORE_OVERLOADED',
  says: 'is out of memory or space',
  hint: 'Look at the log of the server.',
};
const NO_TLS: ErrorTranslation = {
  code: 'STORE_UNAVAILABLE',
  says: 'cannot be reached over TLS',
  hint:
    'Check sslmode and sslrootcert_path in online_store, and the host name of its certificate. sslmode: disable goes ' +
    'without encryption.',
};
const CUT_TEXT: ErrorTranslation = {
  code: 'STORE_INVALID_ROW',
  says: 'cannot hold a name or a text of a row',
  hint: 'Names must not hold NUL characters, and must fit the encoding of the database (UTF8 takes all).',
};
const CONFLICT: ErrorTranslation = {
  code: 'STORE_UNAVAILABLE',
  says: 'gave the transaction up in favour of another writer',
  hint: 'Try again; writers of the same entities wait for each other.',
};
const NO_STATEMENT: ErrorTranslation = {
  code: 'STORE_UNAVAILABLE',
  says: 'does not know a statement that was prepared',
  hint: 'A pooler hands the connection to several clients: set sideboard.postgres.prepared_statements: false.',
};

/** By SQLSTATE. */
const BY_STATE: Readonly<Record<string, ErrorTranslation>> = {
  '08P01': {
    code: 'STORE_UNAVAILABLE',
    says: 'does not take the connection as it is asked for',
    hint: 'A pooler must let the startup parameter "options" through; Feast needs it too.',
  },
  '22008': {
    code: 'STORE_INVALID_ROW',
    says: 'cannot hold the time of a row',
    hint: 'A timestamp lies between 4713 BC and 294276.',
  },
  '22021': CUT_TEXT,
  '22P05': CUT_TEXT,
  '25006': {
    code: 'STORE_READ_ONLY',
    says: 'takes no writes',
    hint: 'It is a replica, or set to be read-only: connect to the primary.',
  },
  '26000': NO_STATEMENT,
  '28000': REFUSED,
  '28P01': REFUSED,
  '3D000': {
    code: 'STORE_WRONG_LAYOUT',
    says: 'has no database of that name',
    hint: 'Check database in online_store, or create it: CREATE DATABASE.',
  },
  '3F000': {
    code: 'STORE_TABLE_MISSING',
    says: 'has neither the schema of db_schema nor the schema "public"',
    hint: APPLY,
  },
  '40001': CONFLICT,
  '40P01': CONFLICT,
  '42501': DENIED,
  '42703': WRONG_COLUMNS,
  '42704': {
    code: 'STORE_WRONG_LAYOUT',
    says: 'lacks a type that the tables need',
    hint: 'vector_enabled needs pgvector in the database: CREATE EXTENSION vector.',
  },
  '42804': WRONG_COLUMNS,
  '42809': WRONG_COLUMNS,
  '42883': WRONG_COLUMNS,
  '42P05': NO_STATEMENT,
  '42P10': WRONG_COLUMNS,
  '53100': NO_SPACE,
  '53200': NO_SPACE,
  '53300': FULL,
  '53400': NO_SPACE,
  '54000': {
    code: 'STORE_INVALID_ROW',
    says: 'cannot index a key, name or text of this length',
    hint: 'An entity key and a name fit into an index up to about 2,700 bytes, a text for searching up to a megabyte.',
  },
  '55P03': CONFLICT,
  '57014': {
    code: 'STORE_TIMEOUT',
    says: 'ended a statement that took too long',
    hint: 'Look at its load, and at sideboard.postgres.read_timeout_ms and write_timeout_ms.',
  },
  '57P01': STARTING_OR_ENDING,
  '57P02': STARTING_OR_ENDING,
  '57P03': STARTING_OR_ENDING,
};

/** By codes of Node, and by messages of pg, which has no codes. */
const BY_TEXT: readonly (readonly [RegExp, ErrorTranslation])[] = [
  [/SSL|TLS|CERT_|certificate|SELF_SIGNED|UNABLE_TO_|EPROTO|altnames/i, NO_TLS],
  [/timeout expired|ETIMEDOUT/, { ...UNREACHABLE, says: 'did not answer in time' }],
  [/SCRAM|SASL|password/i, REFUSED],
  [/ECONN|ENOTFOUND|EAI_|EHOST|ENET|EPIPE|EADDR|EACCES|Connection terminated|not queryable|was cut/, UNREACHABLE],
];

const LOST_STATES = new Set(['57P01', '57P02', '08006', '08003']);
const LOST_TEXT = /Connection terminated|not queryable|was cut|ECONNRESET|EPIPE/;
/** The last two: two that create the same table at the same time. */
const CONFLICTS = new Set(['40001', '40P01', '23505', '42P07']);

/** True when the connection broke and the statement may or may not have been carried out. */
export function isLoss(error: unknown): boolean {
  if (error instanceof StoreError) return false;
  const { code, message } = fieldsOf(error);
  return LOST_STATES.has(code) || LOST_TEXT.test(`${code} ${message}`);
}

export function isConflict(error: unknown): boolean {
  return CONFLICTS.has(fieldsOf(error).code);
}

/** True when the server has another opinion of encryption than the client. */
export function isEncryptionMismatch(error: unknown): boolean {
  const { code, message } = fieldsOf(error);
  return code === '28000' || /does not support SSL/.test(message);
}

/** Translates an error of the server or of pg. The cause that it keeps is a copy without the rows that errors come with. */
export function storeErrorFromPostgres(error: unknown, where: string): StoreError {
  if (error instanceof StoreError) return error;
  const { code, message } = fieldsOf(error);
  const cause = Object.assign(new Error(message), { code });
  const table = code === '42P01' ? /"([^"]*)"/.exec(message)?.[1] : undefined;
  if (table !== undefined) return tableMissingError(where, table, cause);
  const isState = /^[0-9A-Z]{5}$/.test(code) && !code.startsWith('E');
  const known = isState ? BY_STATE[code] : BY_TEXT.find(([pattern]) => pattern.test(`${code} ${message}`))?.[1];
  if (known === undefined) {
    const detail = isState ? ` (SQLSTATE ${code})` : '';
    return storeErrorFromTranslation({ ...UNEXPECTED, says: `${UNEXPECTED.says}${detail}` }, where, cause);
  }
  const says = objectSaid(code, message, known.says);
  const detail = code === '' ? '' : ` (${code})`;
  return storeErrorFromTranslation({ ...known, says: `${says}${detail}` }, where, cause);
}

/** Names the database, table or schema that the server's message names, where it is in English. */
function objectSaid(code: string, message: string, says: string): string {
  if (code === '3D000') {
    const database = /database "([^"]*)"/.exec(message)?.[1];
    return database === undefined ? says : `has no database "${database}"`;
  }
  const denied = code === '42501' ? /^permission denied for (\w+(?: \w+)*) "?([^"\s]+)"?$/.exec(message) : null;
  return denied === null ? says : `${says}: permission denied for ${denied[1]} "${denied[2]}"`;
}

function fieldsOf(error: unknown): { code: string; message: string } {
  const { code, message } = (error ?? {}) as Readonly<Record<string, unknown>>;
  return {
    code: typeof code === 'string' ? code : '',
    message: typeof message === 'string' ? message : String(error),
  };
}
