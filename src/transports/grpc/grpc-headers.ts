import type { OutgoingHttpHeaders } from 'node:http2';
import { TransportError } from '../transport-error.ts';
import { ACCEPTED_ENCODINGS, isMessageEncoding, type MessageEncoding } from './grpc-message.ts';
import { CODE_TRAILER, type GrpcFailure, GrpcStatus } from './grpc-status.ts';

const GRPC_TYPE = 'application/grpc';
const GRPC_TYPE_PATTERN = /^application\/grpc(?:\+proto)?\s*(?:;|$)/i;

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
const MAX_TIMEOUT_DIGITS = 8;

/**
 * Reads `grpc-timeout` ("100m": up to eight digits and a unit) into milliseconds.
 * @returns nothing where the header is absent
 * @throws TransportError `MALFORMED_HEADER`
 */
export function parseTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const digits = text.length - 1;
  const unit = UNIT_MS[text.charAt(digits)];
  if (unit === undefined || digits < 1 || digits > MAX_TIMEOUT_DIGITS) throw malformedTimeout();
  let value = 0;
  for (let at = 0; at < digits; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) throw malformedTimeout();
    value = value * 10 + digit;
  }
  return value * unit;
}

function malformedTimeout(): TransportError {
  return new TransportError('MALFORMED_HEADER', 'The header grpc-timeout is not a number and a unit.');
}

/** @throws TransportError `UNSUPPORTED_COMPRESSION` */
export function parseEncoding(text: string | undefined): MessageEncoding {
  if (text === undefined) return 'identity';
  if (isMessageEncoding(text)) return text;
  const what = `Messages compressed with "${text.slice(0, 40)}" are not understood.`;
  throw new TransportError('UNSUPPORTED_COMPRESSION', what, { hint: `Use one of: ${ACCEPTED_ENCODINGS}.` });
}

/** A content type of gRPC: `application/grpc`, with or without `+proto` and parameters. */
export function isGrpcType(type: string | undefined): boolean {
  return type === GRPC_TYPE || (type !== undefined && GRPC_TYPE_PATTERN.test(type));
}

/** Content type of every answer. */
export const ANSWER_TYPE = 'application/grpc+proto';

/** Head of every answer that carries a message. */
export const answerHeaders: OutgoingHttpHeaders = Object.freeze({
  ':status': 200,
  'content-type': ANSWER_TYPE,
  'grpc-accept-encoding': ACCEPTED_ENCODINGS,
});

/** Trailers of every call that succeeded. */
export const okTrailers: OutgoingHttpHeaders = Object.freeze({ 'grpc-status': String(GrpcStatus.OK) });

/** A failed call is answered by one block of headers, which also ends the stream. */
export function failureHeaders(failure: GrpcFailure): OutgoingHttpHeaders {
  return { ...answerHeaders, ...failureTrailers(failure) };
}

/** Trailers of a call that failed behind its head. */
export function failureTrailers(failure: GrpcFailure): OutgoingHttpHeaders {
  return {
    'grpc-status': String(failure.status),
    'grpc-message': percentEncode(failure.message),
    [CODE_TRAILER]: failure.code,
  };
}

/** Needs no encoding. HTTP strips spaces at the ends of a value. */
const PLAIN_MESSAGE = /^(?! )[\x20-\x24\x26-\x7e]*(?<! )$/;

/** `grpc-message` carries UTF-8 with everything outside printable ASCII, and `%`, as %XX. */
export function percentEncode(text: string): string {
  if (PLAIN_MESSAGE.test(text)) return text;
  const bytes = Buffer.from(text);
  let encoded = '';
  for (const [at, byte] of bytes.entries()) {
    const inside = byte !== 0x20 || (at > 0 && at < bytes.length - 1);
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25 && inside;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
