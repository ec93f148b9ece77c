import type { ColumnForm } from './typed-columns.ts';

/**
 * The rows of a view that are to be written, one per entity, in a Parquet file: written once, read in the order of the file as often
 * as it takes. Its columns hold no nulls.
 *
 *     typed    t, c: microseconds of the event and of the creation · per join key and feature `v<i>`: the value, or for bytes
 *              their length, -1 for a null · `n<g>`: per thirty columns a bit where a value is null · b: all bytes of a row
 *     encoded  t, c · k: the serialized entity key · p: per feature the length of its value in four bytes, little-endian,
 *              and behind them the values
 */
export interface StagedRows {
  readonly file: string;
  readonly rows: number;
  readonly layout: StagedLayout;
}

export type StagedLayout = TypedLayout | EncodedLayout;

export interface TypedLayout {
  readonly kind: 'typed';
  /** Join keys in the order of the view, then features. */
  readonly forms: readonly ColumnForm[];
}

export interface EncodedLayout {
  readonly kind: 'encoded';
}

/** The created timestamp of a row without one; no point in time, and older than all. */
export const NO_TIME = -(2n ** 63n);

/** Columns whose nulls share one mask: bits of a signed 32-bit number. */
export const MASK_BITS = 30;
