import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../errors.ts';

/** What can go wrong with a server itself, apart from what it serves. */
export const transportErrors = {
  INVALID_LISTEN_ADDRESS: { kind: 'invalid_argument', summary: 'An address to listen on cannot be read.' },
  ADDRESS_IN_USE: { kind: 'failed_precondition', summary: 'Another process listens on the address.' },
  SHUTTING_DOWN: { kind: 'unavailable', summary: 'The server stopped before the call was answered: try another one.' },
  DEADLINE_EXCEEDED: {
    kind: 'deadline_exceeded',
    summary: "The caller's deadline passed before the answer was complete.",
  },
  STREAM_IDLE: {
    kind: 'deadline_exceeded',
    summary: 'A streaming call had to wait too long for its client: for another message, or to take one.',
  },
  UNKNOWN_METHOD: { kind: 'unimplemented', summary: 'The server does not have the method that was called.' },
  UNKNOWN_SERVICE: {
    kind: 'not_found',
    summary: 'The health of a service was asked for that the server does not have.',
  },
  TOO_MANY_WATCHES: {
    kind: 'resource_exhausted',
    summary: 'More clients watch the health of the server than it allows.',
  },
  MALFORMED_FRAME: {
    kind: 'invalid_argument',
    summary:
      'What was sent is not a gRPC call of the method: cut off, or more than one message for a method that takes one.',
  },
  MALFORMED_HEADER: { kind: 'invalid_argument', summary: 'A gRPC header cannot be read.' },
  TOO_MANY_CALLS: {
    kind: 'resource_exhausted',
    summary: 'More calls are under way than the limit allows, so that this one was not begun.',
  },
  QUEUED_TOO_LONG: {
    kind: 'resource_exhausted',
    summary: 'The call had to wait longer than the limit allows, and was not begun.',
  },
  CONNECTION_TOO_OLD: {
    kind: 'unavailable',
    summary: 'The connection had reached its maximum age, and the call did not end within the grace period.',
  },
  MESSAGE_TOO_LARGE: { kind: 'resource_exhausted', summary: 'The request is larger than the limit allows.' },
  UNSUPPORTED_COMPRESSION: {
    kind: 'unimplemented',
    summary: 'The request is compressed in a way that the server does not know.',
  },
  INSECURE_REMOTE_BIND: {
    kind: 'failed_precondition',
    summary: 'An address that other machines reach is to be served without TLS or without authentication.',
  },
  TLS_FILE_UNREADABLE: {
    kind: 'failed_precondition',
    summary: 'A file with a certificate, a key or authorities cannot be read.',
  },
  TLS_MATERIAL_INVALID: {
    kind: 'failed_precondition',
    summary: 'A certificate, key or authority is malformed, or key and certificate do not fit.',
  },
  TLS_CLIENT_REFUSED: {
    kind: 'unauthenticated',
    summary: 'A client did not get through the TLS handshake, or its certificate has none of the names that may call.',
  },
  LISTEN_FAILED: { kind: 'failed_precondition', summary: 'The operating system refuses the address.' },
} as const satisfies ErrorCatalogue;

export type TransportErrorCode = keyof typeof transportErrors;

export class TransportError extends SideboardError {
  declare readonly code: TransportErrorCode;

  constructor(code: TransportErrorCode, message: string, options: SideboardErrorOptions = {}) {
    super(code, transportErrors[code].kind, message, options);
  }
}
