import { type ErrorTranslation, storeErrorFromTranslation } from '../error-translation.ts';
import { StoreError, type StoreErrorCode } from '../store-error.ts';
import { DynamoTransportError } from './dynamodb-http-handler.ts';
import type { DynamoAction } from './dynamodb-sdk.ts';

/** What was asked for, for messages. */
export interface DynamoRequest {
  readonly action: DynamoAction;
  /** Names of the tables that it is about, as DynamoDB has them. */
  readonly tables: readonly string[];
  /** The server, for example `DynamoDB in eu-central-1`. */
  readonly where: string;
  /** What to do instead, for another configuration and layout than Feast's. */
  readonly hintFor?: DynamoHints | undefined;
}

/** A hint that replaces the one for Feast's store; none where that one fits. */
export type DynamoHints = (code: StoreErrorCode, action: DynamoAction) => string | undefined;

const THROTTLED =
  /^(ProvisionedThroughputExceeded|Throttling|RequestLimitExceeded|ThrottledException|TooManyRequests|LimitExceeded|TransactionInProgress)/;
const NO_CREDENTIALS = /^(CredentialsProvider|TokenProvider|ProcessCredentials|MissingAuthenticationToken)/;
const BAD_CREDENTIALS =
  /^(UnrecognizedClient|InvalidSignature|IncompleteSignature|SignatureDoesNotMatch|InvalidClientTokenId|ExpiredToken|InvalidAccessKeyId)/;
const TLS = /CERT|SSL|TLS|EPROTO|SELF_SIGNED|UNABLE_TO|HOSTNAME|_CHAIN|_SIGNATURE/;
/** Things that a message may repeat, and that are nobody's business: signatures, session tokens, headers. */
const MAY_HOLD_SECRETS = new RegExp(`${NO_CREDENTIALS.source}|${BAD_CREDENTIALS.source}`);

/** True when all of a request was throttled. */
export function isThrottling(error: unknown): boolean {
  return THROTTLED.test(nameOf(error));
}

/** True when the same request may well succeed next time: the connection broke, or DynamoDB itself failed. */
export function isPassing(error: unknown): boolean {
  if (error instanceof DynamoTransportError) {
    return !/^(ABORT_ERR|ENOTFOUND|HTTP_[1-4])/.test(error.code) && !TLS.test(error.code);
  }
  return statusOf(error) >= 500 || /^(InternalServerError|InternalFailure|ServiceUnavailable)/.test(nameOf(error));
}

/** True for an error of DynamoDB of this name, with or without `Exception` at its end. */
export function isDynamoError(error: unknown, name: string): boolean {
  return nameOf(error).replace(/Exception$/, '') === name;
}

/** What the SDK or the connection says, as an error of ours. The cause it keeps is a copy without what may be secret. */
export function storeErrorFromDynamo(error: unknown, request: DynamoRequest): StoreError {
  if (error instanceof StoreError) return error;
  const { code, says, hint: usual } = translate(error, request);
  const hint = request.hintFor?.(code, request.action) ?? usual;
  return storeErrorFromTranslation({ code, says, hint }, request.where, withoutSecrets(error));
}

function translate(error: unknown, request: DynamoRequest): ErrorTranslation {
  if (error instanceof DynamoTransportError) return translateTransport(error);
  const name = nameOf(error);
  const { action } = request;
  if (NO_CREDENTIALS.test(name)) {
    return {
      code: 'STORE_AUTH_FAILED',
      says: 'cannot be asked: no AWS credentials were found',
      hint:
        'Give the pod a role (IAM roles for service accounts, EKS Pod Identity, a task or instance role), or set ' +
        'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.',
    };
  }
  if (/^Region is missing/.test(messageOf(error))) {
    return {
      code: 'STORE_UNAVAILABLE',
      says: 'cannot be asked: no AWS region is known',
      hint: 'Set region in online_store, or AWS_REGION.',
    };
  }
  if (BAD_CREDENTIALS.test(name)) {
    return {
      code: 'STORE_AUTH_FAILED',
      says: `refused the credentials (${name})`,
      hint: 'Check that the AWS keys belong together, are not expired, and that the clock is right.',
    };
  }
  if (/^(AccessDenied|NotAuthorized)/.test(name)) {
    const table = deniedTable(error) ?? request.tables.join(', ');
    const on = table === '' ? 'tables' : `table ${table}`;
    return {
      code: 'STORE_PERMISSION_DENIED',
      says: `does not allow dynamodb:${action} on ${on}`,
      hint: `Grant ${permissionsOf(action)} on it to the role of this process; docs/reference/stores/dynamodb.md has whole policies.`,
    };
  }
  if (isDynamoError(error, 'ResourceNotFound')) {
    const which =
      request.tables.length === 1 ? `table ${request.tables[0]}` : `one of the tables ${request.tables.join(', ')}`;
    return {
      code: 'STORE_TABLE_MISSING',
      says: `has no ${which}`,
      hint: 'Run `sideboard apply` (or `feast apply`), and check region, project and table_name_template.',
    };
  }
  if (isThrottling(error)) return { code: 'STORE_UNAVAILABLE', says: `throttles dynamodb:${action}` };
  if (isPassing(error)) return { code: 'STORE_UNAVAILABLE', says: `failed (${name}, HTTP status ${statusOf(error)})` };
  return translateRefusal(error, request);
}

/** What DynamoDB refuses as it was asked. Its message says why and repeats no value. */
function translateRefusal(error: unknown, { action, tables }: DynamoRequest): ErrorTranslation {
  const message = messageOf(error);
  const on = tables.length === 0 ? '' : ` on ${tables.join(', ')}`;
  if (/key element does not match|missing the key|required keys? was not given|schema/i.test(message)) {
    return {
      code: 'STORE_WRONG_LAYOUT',
      says: `has another kind of table than Feast's: dynamodb:${action}${on} does not fit its keys`,
      hint: 'The partition key has to be entity_id, a string, without a sort key. Check table_name_template.',
    };
  }
  if (/item size|exceeded the maximum allowed size/i.test(message)) {
    return { code: 'STORE_INVALID_ROW', says: `refused an item as too large${on}: 400 KB is its limit` };
  }
  if (/deletion protection/i.test(message)) {
    return {
      code: 'STORE_PERMISSION_DENIED',
      says: `does not remove what is protected against deletion${on}`,
      hint: 'Turn DeletionProtectionEnabled off, or remove the table by whatever made it.',
    };
  }
  if (isDynamoError(error, 'UnknownOperation')) {
    return { code: 'STORE_UNSUPPORTED', says: `does not know dynamodb:${action}` };
  }
  return { code: 'STORE_FAILED', says: `refused dynamodb:${action}${on} (${nameOf(error)})` };
}

function translateTransport(error: DynamoTransportError): ErrorTranslation {
  if (error.code === 'ETIMEDOUT' && error.connected) {
    return { code: 'STORE_TIMEOUT', says: `gave ${error.message}` };
  }
  if (error.code.startsWith('HTTP_')) {
    return {
      code: 'STORE_UNAVAILABLE',
      says: `gave ${error.message}`,
      hint: 'Check endpoint_url, and what stands between Sideboard and DynamoDB.',
    };
  }
  if (TLS.test(error.code)) {
    return {
      code: 'STORE_UNAVAILABLE',
      says: `cannot be reached over TLS (${error.code})`,
      hint: 'Check endpoint_url; a certificate authority of your own is added with NODE_EXTRA_CA_CERTS.',
    };
  }
  return {
    code: 'STORE_UNAVAILABLE',
    says: error.connected ? `broke the connection (${error.code})` : `cannot be reached (${error.code})`,
    hint: 'Check region, endpoint_url, and the way out of the network (a VPC endpoint or NAT).',
  };
}

/** What to grant for an action, where it takes more than itself. */
function permissionsOf(action: DynamoAction): string {
  if (action === 'CreateTable') return 'dynamodb:CreateTable (and dynamodb:TagResource where tags are set)';
  if (action === 'ListTables') return 'dynamodb:ListTables on "*"';
  return `dynamodb:${action}`;
}

/** AWS names the resource, if it says anything. */
function deniedTable(error: unknown): string | undefined {
  return /:table\/([\w.-]+)/.exec(messageOf(error))?.[1];
}

function withoutSecrets(error: unknown): Error {
  const name = nameOf(error);
  const safe = new Error(
    MAY_HOLD_SECRETS.test(name) ? 'The message is left out: it may hold secrets.' : messageOf(error),
  );
  safe.name = name;
  return safe;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function statusOf(error: unknown): number {
  const metadata = (error as { readonly $metadata?: { readonly httpStatusCode?: unknown } } | null)?.$metadata;
  return typeof metadata?.httpStatusCode === 'number' ? metadata.httpStatusCode : 0;
}
