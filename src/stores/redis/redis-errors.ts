import { type ErrorTranslation, storeErrorFromTranslation, UNEXPECTED } from '../error-translation.ts';
import { StoreError, type StoreErrorCode } from '../store-error.ts';
import { failedRowFrom } from './redis-guard-script.ts';

/** What can be done about a time in Redis that is not a Timestamp. */
export const CORRUPT_TIME_HINT = 'Delete the key, or write with skip_dedup.';

interface Translation extends ErrorTranslation {
  readonly pattern: RegExp;
}

// Redis' own error replies begin with a word in capitals; what the client library says comes after them.
const TRANSLATIONS: readonly Translation[] = [
  {
    // Commands of more than ten words are refused before they are looked at.
    pattern: /^NOAUTH|HELLO must be called with the client already authenticated|unauthenticated (?:multi)?bulk length/,
    code: 'STORE_AUTH_FAILED',
    says: 'asks for a password',
    hint: 'Set password (and username) in online_store.connection_string.',
  },
  {
    pattern: /^WRONGPASS|^ERR invalid password|^ERR AUTH|invalid username-password pair/,
    code: 'STORE_AUTH_FAILED',
    says: 'refused the username or password',
    hint: 'Check username and password in online_store.connection_string.',
  },
  {
    pattern: /^NOPERM|^ERR (?:The user executing the script|ACL failure in script)/,
    code: 'STORE_PERMISSION_DENIED',
    says: 'does not allow the user to do this',
    hint: 'Serving needs HMGET and PING; writing EVALSHA, EVAL, HGET, HSET and EXPIRE; apply and teardown SCAN, HKEYS, HDEL and UNLINK.',
  },
  {
    pattern: /^WRONGTYPE/,
    code: 'STORE_WRONG_LAYOUT',
    says: 'holds something of another type under the key of an entity',
    hint: 'Another program writes under the same keys; check the database number and the project name.',
  },
  {
    pattern: /^CORRUPT time/,
    code: 'STORE_CORRUPT',
    says: 'holds an event time of the row that is not a Timestamp, so it cannot be compared',
    hint: CORRUPT_TIME_HINT,
  },
  {
    pattern: /^READONLY/,
    code: 'STORE_READ_ONLY',
    says: 'is a replica and takes no writes',
    hint: 'Connect to the primary, or use redis_type redis_sentinel or redis_cluster.',
  },
  {
    pattern: /^OOM|^MAXMEMORY|^ERR max number of clients reached|^-?BUSY /,
    code: 'STORE_OVERLOADED',
    says: 'is out of memory, out of connections or busy with a script',
    hint: 'Look at maxmemory, maxclients and running scripts of the server.',
  },
  {
    pattern: /^LOADING/,
    code: 'STORE_UNAVAILABLE',
    says: 'is loading its data',
    hint: 'It answers as soon as it has loaded.',
  },
  {
    pattern: /^(CLUSTERDOWN|TRYAGAIN|MASTERDOWN|MOVED|ASK|CROSSSLOT)|Too many Cluster redirections|refresh slots cache/,
    code: 'STORE_UNAVAILABLE',
    says: 'is a cluster that cannot answer for this key now',
    hint: 'Check CLUSTER INFO, and that redis_type is redis_cluster.',
  },
  {
    pattern: /^ERR DB index is out of range|^ERR SELECT|^ERR invalid DB index/,
    code: 'STORE_WRONG_LAYOUT',
    says: 'has no database of that number',
    hint: 'Check db in online_store.connection_string (a cluster has only database 0).',
  },
  {
    pattern: /^MISCONF|^NOREPLICAS/,
    code: 'STORE_READ_ONLY',
    says: 'refuses writes in its present state',
    hint: 'Its log says why: a failed snapshot, or too few replicas.',
  },
  {
    pattern: /timed? ?out|ETIMEDOUT/i,
    code: 'STORE_UNAVAILABLE',
    says: 'did not answer in time',
    hint: 'Check the address, the network and the load of the server.',
  },
  {
    pattern: /certificate|CERT_|SSL|TLS|wrong version number|ERR_TLS/i,
    code: 'STORE_UNAVAILABLE',
    says: 'cannot be reached over TLS',
    hint: 'Check ssl, ssl_ca_certs and the host name of its certificate.',
  },
  {
    pattern:
      /ECONN|ENOTFOUND|EAI_AGAIN|EHOST|ENET|EPIPE|Connection is closed|max retries per request|writeable|isn't ready|Cluster is ended|startup nodes|sentinels|socket closed|AbortError|aborted/i,
    code: 'STORE_UNAVAILABLE',
    says: 'cannot be reached',
    hint: 'Check that it is running and that the address in online_store is right.',
  },
];

/** Hints that replace those of Feast's Redis store. */
export type RedisHints = Readonly<Partial<Record<StoreErrorCode, string>>>;

/** True when the connection broke and the command may or may not have been carried out. */
export function isConnectionLoss(error: unknown): boolean {
  return /max retries per request|Connection is closed|ECONNRESET|EPIPE|writeable|Command aborted/i.test(
    messageOf(error),
  );
}

/**
 * Translates an error of Redis or of the client library. The cause that it keeps is a copy without the command's
 * arguments, among which are passwords and stored values.
 *
 * @param where the server for the message, for example `Redis at localhost:6379`
 * @param secrets texts that must not appear anywhere in the result
 * @param hints what to do instead, by code, for another configuration and layout than Feast's
 */
export function storeErrorFromRedis(
  error: unknown,
  where: string,
  secrets: readonly string[],
  hints: RedisHints = {},
): StoreError {
  if (error instanceof StoreError) return error;
  const inner = (error as { readonly lastNodeError?: unknown } | null)?.lastNodeError ?? error;
  const said = messageOf(inner);
  const message = failedRowFrom(said)?.message ?? said;
  const code = (inner as { readonly code?: unknown } | null)?.code;
  const cause = withoutSecrets(inner, secrets);
  const known = TRANSLATIONS.find(
    ({ pattern }) => pattern.test(message) || (typeof code === 'string' && pattern.test(code)),
  );
  if (known === undefined) return storeErrorFromTranslation(UNEXPECTED, where, cause);
  const detail = /^[A-Z]{3,}$/.test(String(code)) ? ` (${String(code)})` : '';
  const hint = hints[known.code] ?? known.hint;
  return storeErrorFromTranslation({ code: known.code, says: `${known.says}${detail}`, hint }, where, cause);
}

function withoutSecrets(error: unknown, secrets: readonly string[]): Error {
  const conceal = (text: string): string =>
    secrets.reduce((safe, secret) => (secret === '' ? safe : safe.replaceAll(secret, '***')), text);
  const safe = new Error(conceal(messageOf(error)));
  if (error instanceof Error) {
    safe.name = error.name;
    if (error.stack !== undefined) safe.stack = conceal(error.stack);
  }
  return safe;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A refused connection to a name with two addresses is an AggregateError without a message of its own.
  return error.message !== '' ? error.message : String((error as { readonly code?: unknown }).code ?? error.name);
}
