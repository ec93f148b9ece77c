import type { TableRead } from '../online-store.ts';
import { CELL, CELL_CHUNK, CELL_END, CELL_START } from '../row-block.ts';
import { ERROR, type Expectation, INCOMPLETE, LaneReplies, MAX_HEAD, unexpected } from './redis-lane-replies.ts';
import { type ReadGroup, setRowTime } from './redis-read-groups.ts';

/** Replies that are expected: one array per row of each group, in order. */
export interface ExpectedReplies extends Expectation {
  readonly groups: readonly ReadGroup[];
  /** Redis answered a row with an error instead. The other rows still come. */
  refused(group: ReadGroup, row: number, message: string): void;
  /** What Redis holds as a row's event timestamp is none. */
  corruptTime(read: TableRead, row: number): void;
}

const CR = 0x0d;
const ARRAY = 0x2a; // *
const BULK = 0x24; // $
const NULL = 0x5f; // _ (RESP3)
const MINUS = 0x2d;
const ZERO = 0x30;
const ONE = 0x31;
const NINE = 0x39;
/** Redis allows no longer values. */
const MAX_VALUE_BYTES = 512 * 1024 * 1024;
/** Most digits that the length of a value may have. */
const MAX_DIGITS = 9;

/**
 * Reads the replies to pipelined HMGET commands where the socket puts them: cells of blocks are pointed at the values, and no object is
 * made per value.
 */
export class RedisReplyScanner<E extends ExpectedReplies = ExpectedReplies> extends LaneReplies<E> {
  /* Where the scan stands in the first expectation. */
  #group = 0;
  #row = 0;
  /** Elements of the current array that are still to come; -1 before its head. */
  #left = -1;
  #read = 0;
  #feature = 0;

  protected override step(expected: E): boolean {
    const group = expected.groups[this.#group];
    if (group === undefined) return false;
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
      if (++this.#group === expected.groups.length) {
        this.#group = 0;
        this.finish(expected);
      }
    }
    return true;
  }

  /** The head of an array of the group's size, or an error in its place, which counts as an empty array. */
  #replyHead(expected: ExpectedReplies, group: ReadGroup): boolean {
    if (this.pos === this.end) return false;
    const kind = this.data[this.pos];
    if (kind === ARRAY) {
      const count = this.number();
      if (count === INCOMPLETE) return false;
      if (count !== group.elements) throw unexpected(`an array of ${count} where ${group.elements} were asked for`);
      this.#left = count;
      return true;
    }
    if (kind === ERROR) {
      const message = this.error();
      if (message === undefined) return false;
      expected.refused(group, rowOf(group, this.#row), message);
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
    const data = this.data;
    // A head fits in so many bytes; closer to the end of the data it could be cut.
    const dataEnd = this.end;
    const safe = dataEnd - MAX_HEAD;
    const firstFeature = this.#feature;
    let feature = firstFeature;
    let pos = this.pos;
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
      if (chunk === 0) chunk = block.chunkOfLent(this.memory.lent);
      cells[cell + CELL_CHUNK] = chunk;
      cells[cell + CELL_START] = start;
      cells[cell + CELL_END] = end;
      pos = end + 2;
    }
    this.#feature = feature;
    this.#left -= feature - firstFeature;
    this.pos = pos;
  }

  /** One element: a value, or a null. */
  #element(expected: ExpectedReplies, group: ReadGroup): boolean {
    const start = this.pos;
    if (start === this.end) return false;
    const kind = this.data[start];
    if (kind === BULK) {
      const length = this.number();
      if (length === INCOMPLETE) return false;
      if (length > MAX_VALUE_BYTES) throw unexpected(`a value of ${length} bytes`);
      if (length >= 0) {
        const from = this.pos;
        const end = from + length;
        if (end + 2 > this.end) {
          this.pos = start;
          this.needed = end + 2 - start;
          return false;
        }
        this.pos = end + 2;
        this.#store(expected, group, from, end);
        return true;
      }
    } else if (kind === NULL) {
      if (start + 3 > this.end) return false;
      this.pos = start + 3;
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
      block.setLentValue(row, this.#feature, this.memory.lent, from, end);
      this.#feature++;
    } else {
      if (!setRowTime(read, row, this.data, from, end)) expected.corruptTime(read, row);
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
}

function rowOf(group: ReadGroup, index: number): number {
  return group.rows === undefined ? index : (group.rows[index] ?? 0);
}
