import type { LentBytes } from './lent-bytes.ts';
import type { EventTimestamp, StoredRow } from './online-store.ts';
import { type BlockMemory, keepBlockMemory, takeBlockMemory } from './row-block-memory.ts';

/** Numbers per cell in {@link RowBlock.cells}. */
export const CELL = 4;
/** Offsets within a cell. */
export const CELL_CHUNK = 0;
export const CELL_START = 1;
export const CELL_END = 2;
export const CELL_STATUS = 3;

/**
 * What one table answered for `rows` entities and `features` features, laid out so that no object is made per value. A cell
 * refers to bytes that the store received; it does not copy them.
 *
 * The cell of a row and a feature begins at `cells[(row * features + feature) * CELL]`: the chunk that holds its value (its
 * place in `chunks` plus one; 0 where the store holds nothing), the value's start and end in the chunk, and a place for the
 * status that the serving layer gives it. An empty range is a stored null.
 */
export class RowBlock {
  readonly rows: number;
  readonly features: number;
  readonly cells: Int32Array;
  readonly chunks: Uint8Array[] = [];
  /** 1 where the store has a row for the entity. */
  readonly found: Uint8Array;
  /** Event timestamp per row, in two numbers: whole seconds since 1970 (exact up to 2^53) and nanoseconds. */
  readonly times: Float64Array;
  #memory: BlockMemory | undefined;
  #held: LentBytes[] | undefined;

  constructor(rows: number, features: number) {
    this.rows = rows;
    this.features = features;
    this.#memory = takeBlockMemory(rows * features * CELL, rows);
    this.cells = this.#memory.cells;
    this.found = this.#memory.found;
    this.times = this.#memory.times;
  }

  /**
   * Lets later blocks have the memory of this one and the lent bytes that it refers to. Neither the block nor any value of it is of
   * use from then on. Only for whoever made the block, once a read has succeeded: after a failure the store may still write into it.
   */
  release(): void {
    const memory = this.#memory;
    if (memory === undefined) return;
    this.#memory = undefined;
    keepBlockMemory(memory);
    if (this.#held !== undefined) for (const lent of this.#held) lent.release();
    this.#held = undefined;
  }

  /** Says that the store has a row for this entity, written for this event timestamp. */
  setRow(row: number, seconds: number, nanos: number): void {
    this.found[row] = 1;
    this.times[row * 2] = seconds;
    this.times[row * 2 + 1] = nanos;
  }

  /** Points a cell at `source[start, end)`: a serialized `feast.types.Value`. */
  setValue(row: number, feature: number, source: Uint8Array, start: number, end: number): void {
    const cell = (row * this.features + feature) * CELL;
    this.cells[cell + CELL_CHUNK] = this.chunkOf(source);
    this.cells[cell + CELL_START] = start;
    this.cells[cell + CELL_END] = end;
  }

  /** {@link setValue} for bytes that are held until the block is released. */
  setLentValue(row: number, feature: number, source: LentBytes, start: number, end: number): void {
    const cell = (row * this.features + feature) * CELL;
    this.cells[cell + CELL_CHUNK] = this.chunkOfLent(source);
    this.cells[cell + CELL_START] = start;
    this.cells[cell + CELL_END] = end;
  }

  /** The number by which cells refer to bytes. Cheap for the bytes that were named last. */
  chunkOf(source: Uint8Array): number {
    const { chunks } = this;
    if (chunks[chunks.length - 1] !== source) chunks.push(source);
    return chunks.length;
  }

  /** {@link chunkOf} for bytes that are held until the block is released. */
  chunkOfLent(lent: LentBytes): number {
    const { chunks } = this;
    if (chunks[chunks.length - 1] !== lent.bytes) {
      chunks.push(lent.bytes);
      lent.hold();
      this.#held ??= [];
      this.#held.push(lent);
    }
    return chunks.length;
  }

  /** The bytes of a cell, or `undefined` where the store holds nothing. For tests and tools; the hot path splices. */
  valueAt(row: number, feature: number): Uint8Array | undefined {
    const cell = (row * this.features + feature) * CELL;
    const chunk = this.chunks[(this.cells[cell + CELL_CHUNK] ?? 0) - 1];
    return chunk?.subarray(this.cells[cell + CELL_START], this.cells[cell + CELL_END]);
  }

  timestampAt(row: number): EventTimestamp {
    return { seconds: this.times[row * 2] ?? 0, nanos: this.times[row * 2 + 1] ?? 0 };
  }

  /** Whether any cell of the row is set. */
  hasValues(row: number): boolean {
    const end = (row + 1) * this.features * CELL;
    for (let cell = row * this.features * CELL; cell < end; cell += CELL) if (this.cells[cell] !== 0) return true;
    return false;
  }

  /** Forgets a row, for a read that is done again. */
  clearRow(row: number): void {
    this.found[row] = 0;
    this.cells.fill(0, row * this.features * CELL, (row + 1) * this.features * CELL);
  }

  /** Takes a whole row of another block with the same features. Refers to the same bytes. */
  copyRow(row: number, other: RowBlock, from: number): void {
    const { seconds, nanos } = other.timestampAt(from);
    this.setRow(row, seconds, nanos);
    for (let feature = 0; feature < this.features; feature++) {
      const value = other.valueAt(from, feature);
      if (value !== undefined) this.setValue(row, feature, value, 0, value.length);
    }
  }

  /** Copies row objects, as {@link OnlineStore.onlineRead} gives them, into a block with these feature columns. */
  fill(rows: readonly (StoredRow | undefined)[], features: readonly string[]): void {
    for (let row = 0; row < this.rows; row++) {
      const stored = rows[row];
      if (stored === undefined) continue;
      this.setRow(row, stored.eventTimestamp.seconds, stored.eventTimestamp.nanos);
      for (let feature = 0; feature < features.length; feature++) {
        const value = stored.values.get(features[feature] ?? '');
        if (value !== undefined) this.setValue(row, feature, value, 0, value.length);
      }
    }
  }
}
