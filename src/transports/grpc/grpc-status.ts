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

/**
 * A status message travels in an HTTP/2 header, where a character outside ASCII takes up to twelve bytes. Java's clients refuse
 * more than 8 KiB of headers, and those on gRPC's C core may: longer messages are cut to this.
 */
const MAX_ENCODED_MESSAGE = 4000;

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
  return { status: statusOfKind[error.kind], message: shortened(error.describe()), code: error.code };
}

/** Well-formed Unicode, whose percent-encoded form has at most {@link MAX_ENCODED_MESSAGE} bytes. */
function shortened(text: string): string {
  let length = 0;
  let kept = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const plain = code >= 0x20 && code <= 0x7e && code !== 0x25;
    length += plain ? 1 : 3 * Buffer.byteLength(character);
    if (length > MAX_ENCODED_MESSAGE) return `${kept}…`;
    // Half of a surrogate pair has no encoding.
    kept += code >= 0xd800 && code <= 0xdfff ? '\ufffd' : character;
  }
  return kept;
}
