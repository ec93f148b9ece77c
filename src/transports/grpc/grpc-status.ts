import { type ErrorKind, SideboardError } from '../../errors.ts';

/** gRPC status codes, by the numbers of the protocol. */
export const GrpcStatus = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** The one place where an error's kind becomes a gRPC status. */
export const statusOfKind: Readonly<Record<ErrorKind, number>> = {
  invalid_argument: GrpcStatus.INVALID_ARGUMENT,
  not_found: GrpcStatus.NOT_FOUND,
  already_exists: GrpcStatus.ALREADY_EXISTS,
  failed_precondition: GrpcStatus.FAILED_PRECONDITION,
  permission_denied: GrpcStatus.PERMISSION_DENIED,
  unauthenticated: GrpcStatus.UNAUTHENTICATED,
  resource_exhausted: GrpcStatus.RESOURCE_EXHAUSTED,
  deadline_exceeded: GrpcStatus.DEADLINE_EXCEEDED,
  cancelled: GrpcStatus.CANCELLED,
  unavailable: GrpcStatus.UNAVAILABLE,
  unimplemented: GrpcStatus.UNIMPLEMENTED,
  data_loss: GrpcStatus.DATA_LOSS,
  internal: GrpcStatus.INTERNAL,
};

/** Trailer that carries the stable error code next to the status, for callers that switch on it. */
export const CODE_TRAILER = 'sideboard-code';

/** A status message travels in an HTTP/2 header: long lists of names are cut. */
const MAX_MESSAGE_LENGTH = 2000;

export interface GrpcFailure {
  readonly status: number;
  readonly message: string;
  /** Stable code; `INTERNAL` for failures that were not foreseen. */
  readonly code: string;
}

/** What a caller is told about a failure. Nothing of an unforeseen error's own text leaves the process. */
export function grpcFailureFrom(error: unknown): GrpcFailure {
  if (!(error instanceof SideboardError)) {
    return {
      status: GrpcStatus.INTERNAL,
      message: 'The request failed inside Sideboard; the log of the process says why.',
      code: 'INTERNAL',
    };
  }
  const message = error.describe();
  return {
    status: statusOfKind[error.kind],
    message: message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message,
    code: error.code,
  };
}
