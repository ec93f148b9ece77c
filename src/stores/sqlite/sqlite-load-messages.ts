import type { SpooledRows } from '../sql/row-spool.ts';
import { ROW_TIMES, WriteBlock } from '../write-block.ts';
import type { SqliteConnectionOptions } from './sqlite-connection.ts';
import type { SentError } from './sqlite-read-messages.ts';
import type { BlockSearch } from './sqlite-search.ts';
import type { SqliteWrite } from './sqlite-upsert.ts';

/** What the loading thread is started with. */
export interface LoadThreadData {
  readonly connection: SqliteConnectionOptions;
  readonly timezone: string;
  readonly write: SqliteWrite;
  /** All rows of the load. Without them they are sent, block by block. */
  readonly rows?: SpooledRows;
  readonly deadline?: number | undefined;
}

/** What is told to it: a block; that all of them were sent; that the load is to be given up. */
export type LoadThreadMessage = SentRows | 'commit' | 'give up';

/**
 * What comes back: that the thread is up; that one block more is written; and in the end that all rows are written for good, or why
 * none is.
 */
export type LoadThreadReply = 'ready' | 'written' | 'done' | { readonly error: SentError };

/** A block to be written, and what is known of its values. */
export interface BlockToWrite {
  readonly block: WriteBlock;
  readonly search?: BlockSearch;
}

/** The rows of a block. */
export interface SentRows {
  readonly features: readonly string[];
  readonly rows: number;
  readonly ends: Int32Array;
  readonly times: Float64Array;
  readonly bytes: Uint8Array;
  readonly search: BlockSearch;
}

/** Parts of the block itself, which are copied when they are sent. */
export function sentRowsOf({ features, rows, ends, times, bytes }: WriteBlock, search: BlockSearch): SentRows {
  return {
    features,
    rows,
    ends: ends.subarray(0, rows * (features.length + 1)),
    times: times.subarray(0, rows * ROW_TIMES),
    bytes,
    search,
  };
}

export function blockFromSentRows({ features, rows, ends, times, bytes, search }: SentRows): BlockToWrite {
  const block = new WriteBlock(features, rows);
  block.ends.set(ends);
  block.times.set(times);
  block.out.raw(bytes);
  block.rows = rows;
  return { block, search };
}
