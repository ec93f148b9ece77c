import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../errors.ts';

/** Everything that can go wrong at a store, by what a caller can do about it. */
export const storeErrors = {
  STORE_UNAVAILABLE: {
    kind: 'unavailable',
    summary: 'The store cannot be reached, is starting, went away, or throttled as long as there was time.',
  },
  STORE_TIMEOUT: { kind: 'deadline_exceeded', summary: "The store did not answer within the caller's deadline." },
  STORE_OVERLOADED: {
    kind: 'resource_exhausted',
    summary: 'The store has no memory, connection or quota left, or the bounded queue in front of it is full.',
  },
  STORE_AUTH_FAILED: { kind: 'unavailable', summary: 'The store refused the credentials of the sidecar.' },
  STORE_PERMISSION_DENIED: {
    kind: 'unavailable',
    summary: 'The credentials do not allow this operation at the store.',
  },
  STORE_TABLE_MISSING: {
    kind: 'failed_precondition',
    summary: 'The store has no table for the feature view: it was never applied.',
  },
  STORE_WRONG_LAYOUT: {
    kind: 'failed_precondition',
    summary: "What stands under the key or table is not in Feast's layout.",
  },
  STORE_CORRUPT: {
    kind: 'data_loss',
    summary: 'The store answered with bytes that are not a valid value or timestamp.',
  },
  STORE_VALUE_MISMATCH: {
    kind: 'data_loss',
    summary: 'The store holds a value that is not of the type that the registry has for its feature.',
  },
  STORE_READ_ONLY: {
    kind: 'failed_precondition',
    summary: 'The store, or the replica that answered, takes no writes.',
  },
  STORE_UNSUPPORTED: {
    kind: 'unimplemented',
    summary: 'The store does not have this ability; its capabilities say so.',
  },
  STORE_INVALID_ROW: {
    kind: 'invalid_argument',
    summary: 'A row cannot be stored as it is: a key or a name that the layout cannot hold.',
  },
  STORE_CIRCUIT_OPEN: {
    kind: 'unavailable',
    summary: 'The store did not answer the last calls, and is not asked again until it has answered a probe.',
  },
  STORE_CLOSED: { kind: 'unavailable', summary: 'The store was closed: the process is shutting down.' },
  STORE_FAILED: {
    kind: 'internal',
    summary: 'The store failed in a way that has no code of its own; the cause is in the log.',
  },
} as const satisfies ErrorCatalogue;

export type StoreErrorCode = keyof typeof storeErrors;

/** A store's failure. `cause` keeps the client library's own error for the log; the message never repeats a secret. */
export class StoreError extends SideboardError {
  declare readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options: SideboardErrorOptions = {}) {
    super(code, storeErrors[code].kind, message, options);
  }
}
