import { StoreError } from '../store-error.ts';
import { ReplyMemory } from './redis-reply-memory.ts';

export const ERROR = 0x2d; // -
const CR = 0x0d;
const MINUS = 0x2d;
const ZERO = 0x30;
/** Longer heads (`$-1`, `*50`, `:3`) than this are not Redis. */
export const MAX_HEAD = 32;
/** The longest error that is waited for. */
const MAX_ERROR = 64 * 1024;
export const INCOMPLETE = -2;

/** Replies that are expected, of one call. */
export interface Expectation {
  /** The last reply arrived. */
  done(): void;
}

/**
 * What the scanners of a lane's replies have in common: the queue of what is expected, and the bytes where the socket puts them. Replies
 * may be split anywhere.
 *
 * Knows exactly what it is waiting for; whatever else arrives means that the connection is not to be trusted any more.
 */
export abstract class LaneReplies<E extends Expectation> {
  /** The first `#head` are fulfilled and gone. */
  readonly #queue: (E | undefined)[] = [];
  #head = 0;
  protected readonly memory = new ReplyMemory();
  /** Length of the element that has not arrived whole, where it is known. */
  protected needed = 0;
  /* The bytes under the scan: up to the end; what stands behind it is older. */
  protected data: Buffer = this.memory.bytes;
  protected pos = 0;
  protected end = 0;

  /** An error that came though nothing was asked: what a server says before it hangs up. */
  unasked: string | undefined;

  /** Scans one reply to `expected`, or as much of it as there is. False when more bytes are needed. */
  protected abstract step(expected: E): boolean;

  /** How many expectations are not fulfilled yet. */
  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  expect(replies: E): void {
    this.#queue.push(replies);
  }

  /** Takes what is still expected away, in order; for a connection that broke. */
  abandon(): E[] {
    const waiting = this.#queue.slice(this.#head).filter((expected) => expected !== undefined);
    this.#queue.length = 0;
    this.#head = 0;
    return waiting;
  }

  /** Where the next received bytes are to be put. */
  room(): Buffer {
    return this.memory.room();
  }

  /**
   * Scans bytes that were put into {@link room}.
   * @throws StoreError `STORE_CORRUPT` when they are not the expected replies; the connection must be closed then
   */
  received(count: number): void {
    const { memory } = this;
    memory.received(count);
    this.data = memory.bytes;
    this.pos = memory.start;
    this.end = memory.end;
    // The element that was cut has not arrived whole yet.
    if (this.end - this.pos < this.needed) return;
    this.needed = 0;
    for (;;) {
      const expected = this.#queue[this.#head];
      if (expected === undefined || !this.step(expected)) break;
    }
    if (this.pos < this.end && this.waiting === 0) {
      const isError = this.data[this.pos] === ERROR;
      if (isError) this.unasked = this.data.toString('utf8', this.pos + 1, Math.min(this.end, this.pos + MAX_ERROR));
      throw unexpected('bytes that nobody asked for');
    }
    memory.read(this.pos, this.needed);
  }

  /** Copies bytes from elsewhere and scans them. @throws StoreError as {@link received} does */
  push(chunk: Buffer): void {
    for (let start = 0; start < chunk.length; ) {
      const count = chunk.copy(this.room(), 0, start);
      start += count;
      this.received(count);
    }
  }

  /** The last reply to `expected` was scanned. */
  protected finish(expected: E): void {
    // Not even its place may hold on to it: it holds all that was received for it.
    this.#queue[this.#head] = undefined;
    // Dropping from the front moves the whole array: done now and then.
    if (++this.#head > 1000) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    expected.done();
  }

  /** The text of the error at the position, which moves behind it; nothing while it has not arrived whole. */
  protected error(): string | undefined {
    const end = this.data.indexOf('\r\n', this.pos);
    if (end < 0 || end + 2 > this.end) {
      if (this.end - this.pos > MAX_ERROR) throw unexpected('an error without an end');
      return undefined;
    }
    const text = this.data.toString('utf8', this.pos + 1, end);
    this.pos = end + 2;
    return text;
  }

  /** The number behind the type byte, up to CRLF, -1 for a null; the position moves behind it. `INCOMPLETE` moves nothing. */
  protected number(): number {
    const data = this.data;
    let pos = this.pos + 1;
    const limit = Math.min(this.end, pos + MAX_HEAD);
    let value = 0;
    const negative = pos < limit && data[pos] === MINUS;
    if (negative) pos++;
    for (; pos < limit; pos++) {
      const byte = data[pos] as number;
      if (byte === CR) {
        if (pos + 2 > this.end) return INCOMPLETE;
        if (negative && value !== 1) throw unexpected(`a length of -${value}`);
        this.pos = pos + 2;
        return negative ? -1 : value;
      }
      const digit = byte - ZERO;
      if (digit < 0 || digit > 9) throw unexpected('a length that is not a number');
      value = value * 10 + digit;
    }
    if (limit < this.end) throw unexpected('a length without an end');
    return INCOMPLETE;
  }
}

export function unexpected(what: string): StoreError {
  return new StoreError('STORE_CORRUPT', `Redis sent ${what}.`, {
    hint: 'Check what stands between Sideboard and Redis: it does not pass the protocol on unchanged.',
  });
}
