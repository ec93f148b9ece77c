import type { ServiceError } from '@grpc/grpc-js';
import { type ErrorTranslation, storeErrorFromTranslation } from '../error-translation.ts';
import { type StoreError, type StoreErrorCode, storeErrors } from '../store-error.ts';

/** The trailer in which `sideboard connector` says which of our codes a failure has. */
const CODE_TRAILER = 'sideboard-code';

/** gRPC's status codes, by number, as far as they say more than that something failed. */
const meanings: Readonly<Record<number, ErrorTranslation>> = {
  1: { code: 'STORE_UNAVAILABLE', says: 'cancelled the call' },
  3: { code: 'STORE_INVALID_ROW', says: 'calls the request invalid' },
  4: { code: 'STORE_TIMEOUT', says: 'did not answer in time' },
  5: {
    code: 'STORE_TABLE_MISSING',
    says: 'does not know the view',
    hint: 'It answers with NOT_FOUND. A row that is missing is an empty list of features instead.',
  },
  7: { code: 'STORE_PERMISSION_DENIED', says: 'does not allow this' },
  8: { code: 'STORE_OVERLOADED', says: 'has no capacity left, or the answer is larger than max_message_bytes' },
  12: {
    code: 'STORE_UNSUPPORTED',
    says: 'does not serve grpc.connector.OnlineStore/OnlineRead',
    hint: 'Check that online_store.address is that of a store process.',
  },
  14: {
    code: 'STORE_UNAVAILABLE',
    says: 'cannot be reached',
    hint: 'Check that it is running, that online_store.address is right, and that both sides agree about TLS.',
  },
  15: { code: 'STORE_CORRUPT', says: 'says that its data is damaged' },
  16: {
    code: 'STORE_AUTH_FAILED',
    says: 'refused the credentials',
    hint: 'Where it asks for a token, sideboard.connector.token_file has to hold one that it knows.',
  },
};

const UNFORESEEN: ErrorTranslation = { code: 'STORE_FAILED', says: 'failed' };

/** A failed call as an error of ours. What the other process says stays in `cause`: nobody promised that it holds no secret. */
export function storeErrorFromGrpc(error: ServiceError, where: string): StoreError {
  const told = error.metadata?.get(CODE_TRAILER)[0];
  const meaning = meanings[error.code] ?? UNFORESEEN;
  const code = isStoreErrorCode(told) ? told : meaning.code;
  const translation = code === meaning.code ? meaning : { code, says: `failed with ${code}` };
  return storeErrorFromTranslation(translation, `The store process at ${where}`, error);
}

/** Whether a failed call proves all the same that the store process is there and serves the protocol. */
export function isAnswer(error: ServiceError): boolean {
  if (isStoreErrorCode(error.metadata?.get(CODE_TRAILER)[0])) return false;
  // INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION, OUT_OF_RANGE, and UNKNOWN, which is what a Python server's exceptions are.
  return [2, 3, 5, 9, 11].includes(error.code);
}

/** Whether the connection broke, or there was none, before the store process said anything. */
export function isUnanswered(error: ServiceError): boolean {
  return error.code === 14 && error.metadata?.get(CODE_TRAILER)[0] === undefined;
}

function isStoreErrorCode(code: unknown): code is StoreErrorCode {
  return typeof code === 'string' && Object.hasOwn(storeErrors, code);
}
