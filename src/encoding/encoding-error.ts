import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../errors.ts';

/** Everything that can go wrong between bytes and values. */
export const encodingErrors = {
  MALFORMED_MESSAGE: {
    kind: 'invalid_argument',
    summary: 'Bytes are not a valid protobuf message: truncated, overlong or nested too deep.',
  },
  MALFORMED_ENTITY_KEY: { kind: 'data_loss', summary: 'Stored bytes are not a serialized entity key.' },
  UNSUPPORTED_ENTITY_KEY_TYPE: {
    kind: 'invalid_argument',
    summary: 'A join key has a value of a type that entity keys cannot hold, or no value at all.',
  },
  DUPLICATE_JOIN_KEY: { kind: 'invalid_argument', summary: 'A join key is named twice with different values.' },
  MISSING_JOIN_KEY: { kind: 'invalid_argument', summary: 'An entity key names join keys but has no values for them.' },
  VALUE_TYPE_MISMATCH: {
    kind: 'invalid_argument',
    summary: 'A value is not of the declared type and does not convert exactly.',
  },
  VALUE_OUT_OF_RANGE: { kind: 'invalid_argument', summary: 'A number or time does not fit into the declared type.' },
  VALUE_TYPE_UNKNOWN: {
    kind: 'invalid_argument',
    summary: 'A type has no encoding, or cannot be inferred from the value.',
  },
  INVALID_TEXT: { kind: 'invalid_argument', summary: 'A string holds half of a surrogate pair and has no UTF-8 form.' },
  INVALID_JSON: { kind: 'invalid_argument', summary: 'A text is not valid JSON.' },
  INVALID_TIMESTAMP: {
    kind: 'invalid_argument',
    summary: 'A text or number is not a timestamp, or one outside the years 1 to 9999.',
  },
} as const satisfies ErrorCatalogue;

export type EncodingErrorCode = keyof typeof encodingErrors;

/** A value or message that cannot be encoded or decoded. Messages name types and places, never the value itself. */
export class EncodingError extends SideboardError {
  declare readonly code: EncodingErrorCode;

  constructor(code: EncodingErrorCode, message: string, options: SideboardErrorOptions = {}) {
    super(code, encodingErrors[code].kind, message, options);
  }
}
