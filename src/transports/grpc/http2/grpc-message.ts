import { createGunzip } from 'node:zlib';
import { TransportError } from '../../transport-error.ts';

/** A gRPC message stands behind a flag byte (1: compressed) and its length in four bytes, big endian. */
export const PREFIX_LENGTH = 5;

/** How a message may be compressed, as `grpc-encoding` names it. */
export type MessageEncoding = 'identity' | 'gzip';

/** What `grpc-accept-encoding` offers. */
export const ACCEPTED_ENCODINGS = 'identity,gzip';

/**
 * Collects the DATA frames of a unary call, which carry exactly one message.
 *
 * Most requests arrive in one frame: then the message is a view of that frame and nothing is copied.
 */
export class MessageReader {
  readonly #maxBytes: number;
  #first: Buffer | undefined;
  #rest: Buffer[] | undefined;
  #received = 0;

  /** @param maxBytes largest message, compressed or not */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes one DATA frame. @throws TransportError `MESSAGE_TOO_LARGE` as soon as it is known */
  push(chunk: Buffer): void {
    this.#received += chunk.length;
    if (this.#first === undefined) this.#first = chunk;
    else {
      this.#rest ??= [this.#first];
      this.#rest.push(chunk);
    }
    // The prefix tells early; a sender that splits even the prefix is held by what it may send at all.
    const announced = this.#first.length >= PREFIX_LENGTH ? this.#first.readUInt32BE(1) : 0;
    if (announced > this.#maxBytes || this.#received > this.#maxBytes + PREFIX_LENGTH) {
      throw messageTooLarge(Math.max(announced, this.#received - PREFIX_LENGTH), this.#maxBytes);
    }
  }

  /**
   * The message, once the sender has closed its side.
   * @throws TransportError `MALFORMED_FRAME`, `MESSAGE_TOO_LARGE`
   */
  finish(encoding: MessageEncoding): Buffer | Promise<Buffer> {
    const body = this.#rest === undefined ? this.#first : Buffer.concat(this.#rest);
    if (body === undefined || body.length < PREFIX_LENGTH) {
      throw malformed(`the call ends after ${body?.length ?? 0} of the ${PREFIX_LENGTH} bytes before a message`);
    }
    const compressed = body[0];
    const end = PREFIX_LENGTH + body.readUInt32BE(1);
    if (end > body.length) throw malformed(`the call ends ${end - body.length} bytes before its message`);
    if (end < body.length) throw malformed('a unary call carries more than one message');
    const message = body.subarray(PREFIX_LENGTH);
    if (compressed === 0) return message;
    if (compressed !== 1 || encoding === 'identity') throw malformed('a message is compressed without saying how');
    return gunzipBounded(message, this.#maxBytes);
  }
}

/** Decompresses, and stops as soon as the result is larger than allowed: a small message can unpack to gigabytes. */
function gunzipBounded(message: Buffer, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const gunzip = createGunzip();
    const parts: Buffer[] = [];
    let size = 0;
    gunzip.on('data', (part: Buffer) => {
      size += part.length;
      parts.push(part);
      if (size > maxBytes) gunzip.destroy(messageTooLarge(size, maxBytes));
    });
    gunzip.on('error', (error) => {
      reject(error instanceof TransportError ? error : malformed('a compressed message is no gzip data', error));
    });
    gunzip.on('end', () => resolve(Buffer.concat(parts)));
    gunzip.end(message);
  });
}

function malformed(what: string, cause?: unknown): TransportError {
  return new TransportError('MALFORMED_FRAME', `The call is no unary gRPC call: ${what}.`, { cause });
}

function messageTooLarge(size: number, maxBytes: number): TransportError {
  return new TransportError('MESSAGE_TOO_LARGE', `The request has at least ${size} bytes; the limit is ${maxBytes}.`, {
    hint: 'Ask in smaller batches, or raise sideboard.grpc.max_message_bytes.',
  });
}
