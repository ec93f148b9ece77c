import { ByteWriter } from '../encoding/byte-writer.ts';
import type { EventTimestamp } from './online-store.ts';

/** Numbers per row in {@link WriteBlock.times}: seconds and nanoseconds of the event, then of the creation. */
export const ROW_TIMES = 4;

/**
 * Rows to write, laid out so that no object is made per value: for writes what {@link RowBlock} is for reads.
 *
 * The pieces of a row stand one after another in `bytes`, row after row: its serialized entity key (`encoding/entity-key.ts`,
 * version 3), then the serialized `feast.types.Value` of every feature, in the order of `features`. An empty piece is a stored null;
 * what a block does not name stays as it is stored. Piece `p` of row `r` ends at `ends[r * (features.length + 1) + p]`, and begins
 * where the one before it ends, the very first at 0.
 */
export class WriteBlock {
  readonly features: readonly string[];
  readonly capacity: number;
  /** Rows that are complete. */
  rows = 0;
  readonly ends: Int32Array;
  /** {@link ROW_TIMES} numbers per row; a row without a created timestamp has NaN for its seconds. */
  readonly times: Float64Array;
  /** Where the pieces of a row are appended, each followed by {@link endPiece}. */
  readonly out: ByteWriter;
  #piece = 0;

  /**
   * @param features the features that every row has a value of
   * @param capacity rows that it holds at most
   */
  constructor(features: readonly string[], capacity: number) {
    this.features = features;
    this.capacity = capacity;
    this.ends = new Int32Array(capacity * (features.length + 1));
    this.times = new Float64Array(capacity * ROW_TIMES);
    this.out = new ByteWriter(capacity * 64);
  }

  /** All pieces. A view that is of use until the next row is appended. */
  get bytes(): Uint8Array {
    return this.out.since(0);
  }

  get isFull(): boolean {
    return this.rows === this.capacity;
  }

  /** Says that the piece that was appended to `out`, if anything was, is whole: a row's key first, then its values. */
  endPiece(): void {
    this.ends[this.#piece] = this.out.pos;
    this.#piece++;
  }

  /** Completes a row, behind the last of its pieces. Times are whole seconds since 1970 and nanoseconds. */
  endRow(seconds: number, nanos: number, createdSeconds = Number.NaN, createdNanos = 0): void {
    const at = this.rows * ROW_TIMES;
    this.times[at] = seconds;
    this.times[at + 1] = nanos;
    this.times[at + 2] = createdSeconds;
    this.times[at + 3] = createdNanos;
    this.rows++;
  }

  /** Forgets a row whose pieces were appended in part. */
  dropRow(): void {
    this.#piece = this.rows * (this.features.length + 1);
    this.out.pos = this.#piece === 0 ? 0 : (this.ends[this.#piece - 1] ?? 0);
  }

  /** Forgets all rows and keeps the memory. Only for whoever made the block, and behind the write that uses it. */
  clear(): void {
    this.rows = 0;
    this.#piece = 0;
    // Not reset(), which gives up what is larger than a single value needs.
    this.out.pos = 0;
  }

  /** Where a piece begins: 0 for the row's key, 1 and on for its values. */
  startOf(row: number, piece: number): number {
    const index = row * (this.features.length + 1) + piece;
    return index === 0 ? 0 : (this.ends[index - 1] ?? 0);
  }

  endOf(row: number, piece: number): number {
    return this.ends[row * (this.features.length + 1) + piece] ?? 0;
  }

  /** For stores that take row objects, and for tests. The bytes are the block's own. */
  keyAt(row: number): Uint8Array {
    return this.bytes.subarray(this.startOf(row, 0), this.endOf(row, 0));
  }

  valueAt(row: number, feature: number): Uint8Array {
    return this.bytes.subarray(this.startOf(row, feature + 1), this.endOf(row, feature + 1));
  }

  timestampAt(row: number): EventTimestamp {
    const at = row * ROW_TIMES;
    return { seconds: this.times[at] ?? 0, nanos: this.times[at + 1] ?? 0 };
  }

  createdAt(row: number): EventTimestamp | undefined {
    const at = row * ROW_TIMES + 2;
    const seconds = this.times[at] ?? Number.NaN;
    return Number.isNaN(seconds) ? undefined : { seconds, nanos: this.times[at + 1] ?? 0 };
  }
}
