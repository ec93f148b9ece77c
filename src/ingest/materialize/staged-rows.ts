import { quoteText } from './duckdb.ts';
import type { ColumnForm } from './typed-columns.ts';

/**
 * The rows of a view that are to be written, one per entity, in Parquet files: written once, read in their order as often as it takes.
 * Their columns hold no nulls.
 *
 *     typed    t, c: microseconds of the event and of the creation · per join key and feature `v<i>`: the value, or for bytes
 *              their length, -1 for a null · `n<g>_<m>`: per thirty whole numbers of a file a bit where one is null · `b<g>`:
 *              the bytes of a row, one value behind the other. Columns stand in as many files as it takes, row beside row.
 *     encoded  t, c · k: the serialized entity key · p: per feature the length of its value in four bytes, little-endian,
 *              and behind them the values. One file.
 */
export interface StagedRows {
  readonly files: readonly string[];
  readonly rows: number;
  readonly layout: StagedLayout;
}

export type StagedLayout = TypedLayout | EncodedLayout;

export interface TypedLayout {
  readonly kind: 'typed';
  /** Join keys in the order of the view, then features. */
  readonly forms: readonly ColumnForm[];
  /** The file in which each of them stands. */
  readonly groups: readonly number[];
  /** Whether the rows stand in the order of their serialized entity keys. */
  readonly inKeyOrder: boolean;
}

export interface EncodedLayout {
  readonly kind: 'encoded';
}

/** The created timestamp of a row without one; no point in time, and older than all. */
export const NO_TIME = -(2n ** 63n);

/** Columns whose nulls share one mask: bits of a signed 32-bit number. */
export const MASK_BITS = 30;

/** How many files rows of a layout stand in. */
export function fileCount(layout: StagedLayout): number {
  return layout.kind === 'typed' ? (layout.groups.at(-1) ?? 0) + 1 : 1;
}

/** Columns of staged rows as a query, beside their number, from 0: `staged_row`. */
export function stagedSql({ files }: StagedRows, columns: readonly string[]): string {
  const [first = '', ...others] = files.map((file) => `read_parquet(${quoteText(file)})`);
  const beside = others.map((file) => ` POSITIONAL JOIN ${file}`).join('');
  return `SELECT ${columns.join(', ')} FROM (SELECT *, file_row_number AS staged_row FROM ${first})${beside}`;
}
