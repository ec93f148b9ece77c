import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { TransportError } from '../../transport-error.ts';
import { CODE_TRAILER, type GrpcFailure, GrpcStatus } from '../grpc-status.ts';
import { ACCEPTED_ENCODINGS, type MessageEncoding } from './grpc-message.ts';

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
const TIMEOUT = /^(\d{1,8})([HMSmun])$/;

/**
 * Reads `grpc-timeout` ("100m": up to eight digits and a unit) into milliseconds.
 * @returns nothing where the header is absent
 * @throws TransportError `MALFORMED_HEADER`
 */
export function parseTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = TIMEOUT.exec(text);
  if (match === null)
    throw new TransportError('MALFORMED_HEADER', 'The header grpc-timeout is not a number and a unit.');
  return Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? 1);
}

/** @throws TransportError `UNSUPPORTED_COMPRESSION` */
export function parseEncoding(text: string | undefined): MessageEncoding {
  if (text === undefined || text === 'identity') return 'identity';
  if (text === 'gzip') return 'gzip';
  throw new TransportError(
    'UNSUPPORTED_COMPRESSION',
    `Messages compressed with "${text.slice(0, 40)}" are not understood.`,
    {
      hint: `Use one of: ${ACCEPTED_ENCODINGS}.`,
    },
  );
}

/** `application/grpc`, with or without `+proto` and parameters. */
export function isGrpc(headers: IncomingHttpHeaders): boolean {
  const type = headers['content-type'];
  return (
    type?.startsWith('application/grpc') === true && /^(\+proto)?(;|$)/.test(type.slice('application/grpc'.length))
  );
}

/** Head of every answer that carries a message. */
export const answerHeaders: OutgoingHttpHeaders = Object.freeze({
  ':status': 200,
  'content-type': 'application/grpc+proto',
  'grpc-accept-encoding': ACCEPTED_ENCODINGS,
});

/** Trailers of every call that succeeded. */
export const okTrailers: OutgoingHttpHeaders = Object.freeze({ 'grpc-status': String(GrpcStatus.OK) });

/** A failed call is answered by one block of headers. */
export function failureHeaders(failure: GrpcFailure): OutgoingHttpHeaders {
  return {
    ...answerHeaders,
    'grpc-status': String(failure.status),
    'grpc-message': percentEncode(failure.message),
    [CODE_TRAILER]: failure.code,
  };
}

/** `grpc-message` carries UTF-8 with everything outside printable ASCII, and `%`, as %XX. */
export function percentEncode(text: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(text)) return text;
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
