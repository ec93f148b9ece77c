import { gunzip, inflate } from 'node:zlib';
import { TransportError } from '../transport-error.ts';

/** A gRPC message stands behind a flag byte (1: compressed) and its length in four bytes, big endian. */
export const PREFIX_LENGTH = 5;

const unpackers = { gzip: gunzip, deflate: inflate } as const;

/** How a message may be compressed, as `grpc-encoding` names it. */
export type MessageEncoding = 'identity' | keyof typeof unpackers;

/** What `grpc-accept-encoding` offers. */
export const ACCEPTED_ENCODINGS = ['identity', ...Object.keys(unpackers)].join(',');

export function isMessageEncoding(text: string): text is MessageEncoding {
  return text === 'identity' || Object.hasOwn(unpackers, text);
}

/**
 * Collects the DATA frames of a unary call, which carry exactly one message.
 *
 * Most requests arrive in one frame: then the message is a view of that frame and nothing is copied. Otherwise they are copied
 * into one growing buffer: kept as they are, a message sent byte by byte would cost a hundred times its size.
 */
export class MessageReader {
  readonly #maxBytes: number;
  #bytes: Buffer | undefined;
  #length = 0;

  /** @param maxBytes largest message, compressed or not */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes one DATA frame. @throws TransportError `MESSAGE_TOO_LARGE` as soon as it is known */
  push(frame: Buffer): void {
    const length = this.#length + frame.length;
    if (length > this.#maxBytes + PREFIX_LENGTH) throw messageTooLarge(length - PREFIX_LENGTH, this.#maxBytes);
    if (this.#bytes === undefined) this.#bytes = frame;
    else {
      if (length > this.#bytes.length) this.#bytes = this.#grown(this.#bytes, length);
      frame.copy(this.#bytes, this.#length);
    }
    this.#length = length;
    if (length < PREFIX_LENGTH) return;
    const announced = this.#bytes.readUInt32BE(1);
    if (announced > this.#maxBytes) throw messageTooLarge(announced, this.#maxBytes);
  }

  /**
   * The message, once the sender has closed its side.
   * @throws TransportError `MALFORMED_FRAME`, `MESSAGE_TOO_LARGE`
   */
  finish(encoding: MessageEncoding): Buffer | Promise<Buffer> {
    const body = this.#bytes;
    if (body === undefined || this.#length < PREFIX_LENGTH) {
      throw malformed(`the call ends after ${this.#length} of the ${PREFIX_LENGTH} bytes before a message`);
    }
    const end = PREFIX_LENGTH + body.readUInt32BE(1);
    if (end > this.#length) throw malformed(`the call ends ${end - this.#length} bytes before its message`);
    if (end < this.#length) throw tooManyMessages();
    return plainMessage(body[0] as number, body.subarray(PREFIX_LENGTH, end), encoding, this.#maxBytes);
  }

  /** A larger copy. What was announced bounds it, so that announcing much and sending little reserves little. */
  #grown(bytes: Buffer, needed: number): Buffer {
    const larger = Buffer.allocUnsafe(Math.max(needed, Math.min(2 * needed, this.#maxBytes + PREFIX_LENGTH)));
    bytes.copy(larger, 0, 0, this.#length);
    return larger;
  }
}

/**
 * A message as it was before it was compressed, if it was.
 * @param flag the first byte of its prefix
 * @throws TransportError `MALFORMED_FRAME`, `MESSAGE_TOO_LARGE`
 */
export function plainMessage(
  flag: number,
  message: Buffer,
  encoding: MessageEncoding,
  maxBytes: number,
): Buffer | Promise<Buffer> {
  if (flag === 0) return message;
  if (flag !== 1) throw malformed(`a message begins with the flag ${flag}`);
  if (encoding === 'identity') throw malformed('a message is compressed without saying how');
  return unpack(message, encoding, maxBytes);
}

/** Stops as soon as the result is larger than allowed: a small message can unpack to gigabytes. */
function unpack(message: Buffer, encoding: keyof typeof unpackers, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    unpackers[encoding](message, { maxOutputLength: maxBytes }, (error, unpacked) => {
      if (error === null) resolve(unpacked);
      else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        reject(messageTooLarge(maxBytes + 1, maxBytes));
      } else reject(malformed(`a compressed message is not ${encoding} data`, error));
    });
  });
}

/** A unary call carries one message. */
export function tooManyMessages(): TransportError {
  return malformed('a unary call carries more than one message');
}

export function malformed(what: string, cause?: unknown): TransportError {
  return new TransportError('MALFORMED_FRAME', `The call is not a gRPC call of this method: ${what}.`, { cause });
}

export function messageTooLarge(size: number, maxBytes: number): TransportError {
  return new TransportError('MESSAGE_TOO_LARGE', `The request has at least ${size} bytes; the limit is ${maxBytes}.`, {
    hint: 'Ask in smaller batches, or raise sideboard.grpc.max_message_bytes.',
  });
}
