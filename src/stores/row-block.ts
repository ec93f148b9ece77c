import type { EventTimestamp, StoredRow } from './online-store.ts';

/**
 * What one table answered for `rows` entities and `features` features, laid out in columns so that no object is made per
 * value. A cell refers to bytes that the store received; it does not copy them.
 *
 * Cell (row, feature) has index `row * features + feature` in `sources`, `starts` and `ends`. A start of -1 means that the
 * store holds nothing there; an empty range is a stored null.
 */
export class RowBlock {
  readonly rows: number;
  readonly features: number;
  /** 1 where the store has a row for the entity. */
  readonly found: Uint8Array;
  /** Event timestamp per row: whole seconds since 1970 (exact up to 2^53). */
  readonly seconds: Float64Array;
  readonly nanos: Int32Array;
  readonly sources: (Uint8Array | undefined)[];
  readonly starts: Int32Array;
  readonly ends: Int32Array;

  constructor(rows: number, features: number) {
    const cells = rows * features;
    this.rows = rows;
    this.features = features;
    this.found = new Uint8Array(rows);
    this.seconds = new Float64Array(rows);
    this.nanos = new Int32Array(rows);
    this.sources = new Array<Uint8Array | undefined>(cells);
    this.starts = new Int32Array(cells).fill(-1);
    this.ends = new Int32Array(cells);
  }

  /** Says that the store has a row for this entity, written for this event timestamp. */
  setRow(row: number, seconds: number, nanos: number): void {
    this.found[row] = 1;
    this.seconds[row] = seconds;
    this.nanos[row] = nanos;
  }

  /** Points a cell at `source[start, end)`: a serialized `feast.types.Value`. */
  setValue(row: number, feature: number, source: Uint8Array, start: number, end: number): void {
    const cell = row * this.features + feature;
    this.sources[cell] = source;
    this.starts[cell] = start;
    this.ends[cell] = end;
  }

  /** The bytes of a cell, or `undefined` where the store holds nothing. For tests and tools; the hot path splices. */
  valueAt(row: number, feature: number): Uint8Array | undefined {
    const cell = row * this.features + feature;
    const start = this.starts[cell] ?? -1;
    return start < 0 ? undefined : this.sources[cell]?.subarray(start, this.ends[cell]);
  }

  /** Whether any cell of the row is set. */
  hasValues(row: number): boolean {
    const start = row * this.features;
    for (let cell = start; cell < start + this.features; cell++) if ((this.starts[cell] ?? -1) >= 0) return true;
    return false;
  }

  /** Forgets a row, for a read that is done again. */
  clearRow(row: number): void {
    this.found[row] = 0;
    this.starts.fill(-1, row * this.features, (row + 1) * this.features);
  }

  timestampAt(row: number): EventTimestamp {
    return { seconds: this.seconds[row] ?? 0, nanos: this.nanos[row] ?? 0 };
  }

  /** Takes a whole row of another block with the same features. Refers to the same bytes. */
  copyRow(row: number, other: RowBlock, from: number): void {
    this.setRow(row, other.seconds[from] ?? 0, other.nanos[from] ?? 0);
    for (let feature = 0; feature < this.features; feature++) {
      const cell = from * other.features + feature;
      const source = other.sources[cell];
      if (source !== undefined) this.setValue(row, feature, source, other.starts[cell] ?? 0, other.ends[cell] ?? 0);
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
