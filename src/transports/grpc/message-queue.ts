import { type MessageEncoding, malformed, messageTooLarge, PREFIX_LENGTH, plainMessage } from './grpc-message.ts';

/** Room that is kept while nothing is held; a larger one is given back. */
const KEPT_ROOM = 65_536;

/** Where the messages of a streaming call come from. */
export interface MessageSource {
  /**
   * The next message, where a whole one is there.
   * @throws TransportError `MALFORMED_FRAME`, `MESSAGE_TOO_LARGE`; also by the promise, for what was compressed
   */
  take(): Uint8Array | Promise<Uint8Array> | undefined;
  /** The client sends no more. @throws TransportError `MALFORMED_FRAME` where a message has begun and is not whole */
  assertEnded(): void;
}

/**
 * Cuts the DATA frames of a streaming call into messages, when they are taken: until then a call holds its bytes and nothing else,
 * in one buffer, however small the frames and messages are.
 */
export class MessageQueue implements MessageSource {
  readonly #maxBytes: number;
  readonly #encoding: MessageEncoding;
  #bytes: Buffer = NOTHING;
  #start = 0;
  #end = 0;

  /** @param maxBytes largest message, compressed or not */
  constructor(maxBytes: number, encoding: MessageEncoding) {
    this.#maxBytes = maxBytes;
    this.#encoding = encoding;
  }

  /** Bytes that came and were not taken. */
  get held(): number {
    return this.#end - this.#start;
  }

  /** Whether the next message is there in part only, so that the client has to send more. */
  get needsMore(): boolean {
    if (this.held < PREFIX_LENGTH) return true;
    const length = this.#nextLength();
    return length <= this.#maxBytes && this.held < PREFIX_LENGTH + length;
  }

  /** Takes one DATA frame, or a piece of it. */
  push(piece: Uint8Array): void {
    if (this.#end + piece.length > this.#bytes.length) this.#makeRoom(piece.length);
    this.#bytes.set(piece, this.#end);
    this.#end += piece.length;
  }

  take(): Buffer | Promise<Buffer> | undefined {
    if (this.held < PREFIX_LENGTH) return undefined;
    const length = this.#nextLength();
    if (length > this.#maxBytes) throw messageTooLarge(length, this.#maxBytes);
    const start = this.#start + PREFIX_LENGTH;
    if (start + length > this.#end) return undefined;
    const flag = this.#bytes[this.#start] as number;
    const message = Buffer.from(this.#bytes.subarray(start, start + length));
    this.#start = start + length;
    if (this.#start === this.#end) {
      this.#start = 0;
      this.#end = 0;
      if (this.#bytes.length > KEPT_ROOM) this.#bytes = NOTHING;
    }
    return plainMessage(flag, message, this.#encoding, this.#maxBytes);
  }

  assertEnded(): void {
    if (this.held > 0) throw malformed('it ends inside a message');
  }

  /** Forgets everything. */
  clear(): void {
    this.#bytes = NOTHING;
    this.#start = 0;
    this.#end = 0;
  }

  #nextLength(): number {
    return this.#bytes.readUInt32BE(this.#start + 1);
  }

  #makeRoom(more: number): void {
    const { held } = this;
    const needed = held + more;
    const bytes = needed <= this.#bytes.length / 2 ? this.#bytes : Buffer.allocUnsafeSlow(2 * needed);
    this.#bytes.copy(bytes, 0, this.#start, this.#end);
    this.#bytes = bytes;
    this.#start = 0;
    this.#end = held;
  }
}

const NOTHING = Buffer.alloc(0);
