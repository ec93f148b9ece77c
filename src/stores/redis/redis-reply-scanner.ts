import type { TableRead } from '../online-store.ts';
import { CELL, CELL_CHUNK, CELL_END, CELL_START } from '../row-block.ts';
import { StoreError } from '../store-error.ts';
import { type ReadGroup, setRowTime } from './redis-read-groups.ts';
import { ReplyMemory } from './redis-reply-memory.ts';

/** Replies that are expected: one array per row of each group, in order. */
export interface ExpectedReplies {
  readonly groups: readonly ReadGroup[];
  /** Redis answered a row with an error instead. The other rows still come. */
  refused(group: ReadGroup, row: number, message: string): void;
  /** What Redis holds as a row's event timestamp is none. */
  corruptTime(read: TableRead, row: number): void;
  /** The last reply arrived. */
  done(): void;
}

const CR = 0x0d;
const ARRAY = 0x2a; // *
const BULK = 0x24; // $
const ERROR = 0x2d; // -
const NULL = 0x5f; // _ (RESP3)
const MINUS = 0x2d;
const ZERO = 0x30;
const ONE = 0x31;
const NINE = 0x39;
/** Redis allows no longer values. */
const MAX_VALUE_BYTES = 512 * 1024 * 1024;
/** Of the length of a value. */
const MAX_DIGITS = 9;
/** `$-1`, `*50`, … : longer heads than this are no Redis. */
const MAX_HEAD = 32;
/** The longest error that is waited for. */
const MAX_ERROR = 64 * 1024;
const INCOMPLETE = -2;

/**
 * Reads the replies to pipelined HMGET commands where the socket puts them: cells of blocks are pointed at the values, and no object is
 * made per value. Replies may be split anywhere.
 *
 * Knows exactly what it is waiting for; whatever else arrives means that the connection is not to be trusted any more.
 */
export class RedisReplyScanner {
  /** The first `#head` are fulfilled and gone. */
  readonly #queue: (ExpectedReplies | undefined)[] = [];
  #head = 0;
  readonly #memory = new ReplyMemory();
  /** Length of the element that has not arrived whole, where it is known. */
  #needed = 0;

  /* Where the scan stands in the first expectation. */
  #group = 0;
  #row = 0;
  /** Elements of the current array that are still to come; -1 before its head. */
  #left = -1;
  #read = 0;
  #feature = 0;
  /* The bytes under the scan: up to the end; what stands behind it is older. */
  #data: Buffer = this.#memory.bytes;
  #pos = 0;
  #end = 0;

  /** An error that came though nothing was asked: what a server says before it hangs up. */
  unasked: string | undefined;

  /** How many expectations are not fulfilled yet. */
  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  expect(replies: ExpectedReplies): void {
    this.#queue.push(replies);
  }

  /** Takes what is still expected away, in order; for a connection that broke. */
  abandon(): ExpectedReplies[] {
    const waiting = this.#queue.slice(this.#head).filter((expected) => expected !== undefined);
    this.#queue.length = 0;
    this.#head = 0;
    return waiting;
  }

  /** Where the next received bytes are to be put. */
  room(): Buffer {
    return this.#memory.room();
  }

  /**
   * Scans bytes that were put into {@link room}.
   * @throws StoreError `STORE_CORRUPT` when they are not the expected replies; the connection must be closed then
   */
  received(count: number): void {
    const memory = this.#memory;
    memory.received(count);
    this.#data = memory.bytes;
    this.#pos = memory.start;
    this.#end = memory.end;
    // The element that was cut has not arrived whole yet.
    if (this.#end - this.#pos < this.#needed) return;
    this.#needed = 0;
    while (this.#head < this.#queue.length && this.#step());
    if (this.#pos < this.#end && this.waiting === 0) {
      const isError = this.#data[this.#pos] === ERROR;
      if (isError)
        this.unasked = this.#data.toString('utf8', this.#pos + 1, Math.min(this.#end, this.#pos + MAX_ERROR));
      throw unexpected('bytes that nobody asked for');
    }
    memory.read(this.#pos, this.#needed);
  }

  /** Copies bytes from elsewhere and scans them. @throws StoreError as {@link received} does */
  push(chunk: Buffer): void {
    for (let start = 0; start < chunk.length; ) {
      const count = chunk.copy(this.room(), 0, start);
      start += count;
      this.received(count);
    }
  }

  /** Scans one reply, or as much of it as there is. False when more bytes are needed. */
  #step(): boolean {
    const expected = this.#queue[this.#head];
    const group = expected?.groups[this.#group];
    if (expected === undefined || group === undefined) return false;
    if (this.#left < 0 && !this.#replyHead(expected, group)) return false;
    while (this.#left > 0) {
      this.#features(group);
      if (this.#left === 0) break;
      if (!this.#element(expected, group)) return false;
      this.#left--;
    }
    this.#left = -1;
    this.#read = 0;
    this.#feature = 0;
    if (++this.#row === group.count) {
      this.#row = 0;
      if (++this.#group === expected.groups.length) this.#finish(expected);
    }
    return true;
  }

  #finish(expected: ExpectedReplies): void {
    this.#group = 0;
    // Not even its place may hold on to it: it holds all that was received for it.
    this.#queue[this.#head] = undefined;
    // Dropping from the front moves the whole array: done now and then.
    if (++this.#head > 1000) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    expected.done();
  }

  /** The head of an array of the group's size, or an error in its place, which counts as an empty array. */
  #replyHead(expected: ExpectedReplies, group: ReadGroup): boolean {
    if (this.#pos === this.#end) return false;
    const kind = this.#data[this.#pos];
    if (kind === ARRAY) {
      const count = this.#number();
      if (count === INCOMPLETE) return false;
      if (count !== group.elements) throw unexpected(`an array of ${count} where ${group.elements} were asked for`);
      this.#left = count;
      return true;
    }
    if (kind === ERROR) {
      const end = this.#data.indexOf('\r\n', this.#pos);
      if (end < 0 || end + 2 > this.#end) {
        if (this.#end - this.#pos > MAX_ERROR) throw unexpected('an error without an end');
        return false;
      }
      expected.refused(group, rowOf(group, this.#row), this.#data.toString('utf8', this.#pos + 1, end));
      this.#pos = end + 2;
      this.#left = 0;
      return true;
    }
    throw unexpected(`a reply that begins with byte ${kind}`);
  }

  /**
   * The common case, in one loop: features of the current table whose values are there whole. Stops in front of whatever is
   * not, for {@link #element} to deal with.
   */
  #features(group: ReadGroup): void {
    const read = group.reads[this.#read];
    if (read === undefined) return;
    const { block } = read;
    const { cells, features } = block;
    const data = this.#data;
    // A head fits in so many bytes; closer to the end of the data it could be cut.
    const dataEnd = this.#end;
    const safe = dataEnd - MAX_HEAD;
    const firstFeature = this.#feature;
    let feature = firstFeature;
    let pos = this.#pos;
    let cell = (rowOf(group, this.#row) * features + feature) * CELL;
    let chunk = 0;
    for (; feature < features && pos < safe; feature++, cell += CELL) {
      if (data[pos] !== BULK) break;
      let at = pos + 1;
      let byte = data[at] as number;
      if (byte === MINUS) {
        if (data[at + 1] !== ONE || data[at + 2] !== CR) break;
        pos += 5;
        continue;
      }
      let length = 0;
      const limit = at + MAX_DIGITS;
      while (byte >= ZERO && byte <= NINE && at < limit) {
        length = length * 10 + (byte - ZERO);
        byte = data[++at] as number;
      }
      if (byte !== CR) break;
      const start = at + 2;
      const end = start + length;
      if (end + 2 > dataEnd) break;
      if (chunk === 0) chunk = block.chunkOfLent(this.#memory.lent);
      cells[cell + CELL_CHUNK] = chunk;
      cells[cell + CELL_START] = start;
      cells[cell + CELL_END] = end;
      pos = end + 2;
    }
    this.#feature = feature;
    this.#left -= feature - firstFeature;
    this.#pos = pos;
  }

  /** One element: a value, or a null. */
  #element(expected: ExpectedReplies, group: ReadGroup): boolean {
    const start = this.#pos;
    if (start === this.#end) return false;
    const kind = this.#data[start];
    if (kind === BULK) {
      const length = this.#number();
      if (length === INCOMPLETE) return false;
      if (length > MAX_VALUE_BYTES) throw unexpected(`a value of ${length} bytes`);
      if (length >= 0) {
        const from = this.#pos;
        const end = from + length;
        if (end + 2 > this.#end) {
          this.#pos = start;
          this.#needed = end + 2 - start;
          return false;
        }
        this.#pos = end + 2;
        this.#store(expected, group, from, end);
        return true;
      }
    } else if (kind === NULL) {
      if (start + 3 > this.#end) return false;
      this.#pos = start + 3;
    } else throw unexpected(`an element that begins with byte ${kind}`);
    this.#skipCell(group);
    return true;
  }

  #store(expected: ExpectedReplies, group: ReadGroup, from: number, end: number): void {
    const read = group.reads[this.#read];
    if (read === undefined) return;
    const { block } = read;
    const row = rowOf(group, this.#row);
    if (this.#feature < block.features) {
      block.setLentValue(row, this.#feature, this.#memory.lent, from, end);
      this.#feature++;
    } else {
      if (!setRowTime(read, row, this.#data, from, end)) expected.corruptTime(read, row);
      this.#nextRead();
    }
  }

  #skipCell(group: ReadGroup): void {
    const read = group.reads[this.#read];
    if (read === undefined) return;
    if (this.#feature < read.block.features) this.#feature++;
    else {
      setRowTime(read, rowOf(group, this.#row), undefined);
      this.#nextRead();
    }
  }

  #nextRead(): void {
    this.#read++;
    this.#feature = 0;
  }

  /** The number behind the type byte, up to CRLF, -1 for a null; the position moves behind it. `INCOMPLETE` moves nothing. */
  #number(): number {
    const data = this.#data;
    let pos = this.#pos + 1;
    const limit = Math.min(this.#end, pos + MAX_HEAD);
    let value = 0;
    const negative = pos < limit && data[pos] === MINUS;
    if (negative) pos++;
    for (; pos < limit; pos++) {
      const byte = data[pos] as number;
      if (byte === CR) {
        if (pos + 2 > this.#end) return INCOMPLETE;
        if (negative && value !== 1) throw unexpected(`a length of -${value}`);
        this.#pos = pos + 2;
        return negative ? -1 : value;
      }
      const digit = byte - ZERO;
      if (digit < 0 || digit > 9) throw unexpected('a length that is no number');
      value = value * 10 + digit;
    }
    if (limit < this.#end) throw unexpected('a length without an end');
    return INCOMPLETE;
  }
}

function rowOf(group: ReadGroup, index: number): number {
  return group.rows === undefined ? index : (group.rows[index] ?? 0);
}

function unexpected(what: string): StoreError {
  return new StoreError('STORE_CORRUPT', `Redis sent ${what}.`, {
    hint: 'Check what stands between Sideboard and Redis: it does not pass the protocol on unchanged.',
  });
}
