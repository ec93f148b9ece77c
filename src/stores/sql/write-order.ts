import type { EventTimestamp } from '../online-store.ts';
import type { WriteBlock } from '../write-block.ts';
import { keyOrder } from './key-order.ts';

/**
 * The rows of a block in the order of their keys, in which writers neither wait for each other in a circle nor jump about in
 * an index.
 */
export function rowsInKeyOrder(block: WriteBlock): Uint32Array {
  const starts = new Uint32Array(block.rows);
  const lengths = new Uint32Array(block.rows);
  for (let row = 0; row < block.rows; row++) {
    starts[row] = block.startOf(row, 0);
    lengths[row] = block.endOf(row, 0) - block.startOf(row, 0);
  }
  return keyOrder(block.bytes, starts, lengths);
}

/** All rows of a block, as they stand. */
export function rowsOf(block: WriteBlock): number[] {
  return Array.from({ length: block.rows }, (_, row) => row);
}

/** The times of a row that is written. */
export interface RowTimes {
  readonly eventTimestamp: EventTimestamp;
  readonly createdTimestamp?: EventTimestamp | undefined;
}

/** Whether a row that comes later takes the place of one that came before, where only the newest is wanted. */
export function replaces(later: RowTimes, earlier: RowTimes): boolean {
  const difference = compareTimes(later.eventTimestamp, earlier.eventTimestamp);
  if (difference !== 0) return difference > 0;
  if (later.createdTimestamp === undefined || earlier.createdTimestamp === undefined) return true;
  return compareTimes(later.createdTimestamp, earlier.createdTimestamp) >= 0;
}

function compareTimes(a: EventTimestamp, b: EventTimestamp): number {
  return a.seconds - b.seconds || a.nanos - b.nanos;
}

/** Places of features in the order of their names. */
export function featuresInOrder(features: readonly string[]): number[] {
  const places = features.map((_, place) => place);
  return places.sort((a, b) => ((features[a] as string) < (features[b] as string) ? -1 : 1));
}
