import { CELL, CELL_CHUNK, CELL_END, CELL_START, RowBlock } from '../row-block.ts';
import { StoreError, type StoreErrorCode } from '../store-error.ts';
import type { SqliteConnectionOptions } from './sqlite-connection.ts';
import type { SqliteRead } from './sqlite-row-reader.ts';

/** What the reading thread is started with. */
export interface ReadThreadData {
  readonly connection: SqliteConnectionOptions;
  readonly timezone: string;
}

/** What is sent to the reading thread: a read, or that nobody waits for the one under way any more. */
export type ReadThreadRequest =
  | { readonly reads: readonly SentRead[]; readonly deadline: number | undefined }
  | 'give up';

/** What comes back: once that the thread is up; then the blocks of all reads in order, or why there are none. */
export type ReadThreadReply = 'ready' | { readonly blocks: readonly SentBlock[] } | { readonly error: SentError };

/** A read without its block; the keys one behind the other, so that one buffer is copied and not one per key. */
type SentRead = Omit<SqliteRead, 'keys' | 'block'> & { readonly keys: Uint8Array; readonly keyEnds: Int32Array };

/** A block whose cells all refer to `bytes`, as chunk 1. */
interface SentBlock {
  readonly cells: Int32Array;
  readonly found: Uint8Array;
  readonly times: Float64Array;
  readonly bytes: Uint8Array;
}

export interface SentError {
  readonly code: StoreErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
  readonly cause: Error | undefined;
}

export function packReads(reads: readonly SqliteRead[]): SentRead[] {
  return reads.map(({ table: { project, name }, features, whole, keys }) => {
    const keyEnds = new Int32Array(keys.length);
    let end = 0;
    for (const [row, key] of keys.entries()) {
      end += key.length;
      keyEnds[row] = end;
    }
    const bytes = new Uint8Array(end);
    for (const [row, key] of keys.entries()) bytes.set(key, (keyEnds[row] ?? 0) - key.length);
    return { table: { project, name }, features, whole, keys: bytes, keyEnds };
  });
}

/** The reads as they were, with empty blocks. */
export function unpackReads(sent: readonly SentRead[]): SqliteRead[] {
  return sent.map(({ table, features, whole, keys: bytes, keyEnds }) => {
    const keys = Array.from(keyEnds, (end, row) => bytes.subarray(keyEnds[row - 1] ?? 0, end));
    return { table, features, whole, keys, block: new RowBlock(keys.length, features.length) };
  });
}

/** Moves what the blocks refer to into one buffer each. Leaves the blocks unusable. */
export function packBlocks(reads: readonly SqliteRead[]): SentBlock[] {
  return reads.map(({ block: { cells, chunks, found, times } }) => {
    const starts = new Int32Array(chunks.length);
    let size = 0;
    for (const [index, chunk] of chunks.entries()) {
      starts[index] = size;
      size += chunk.length;
    }
    const bytes = new Uint8Array(size);
    for (const [index, chunk] of chunks.entries()) bytes.set(chunk, starts[index]);
    for (let cell = 0; cell < cells.length; cell += CELL) {
      const chunk = cells[cell + CELL_CHUNK] as number;
      if (chunk === 0) continue;
      const start = starts[chunk - 1] as number;
      cells[cell + CELL_CHUNK] = 1;
      cells[cell + CELL_START] = (cells[cell + CELL_START] as number) + start;
      cells[cell + CELL_END] = (cells[cell + CELL_END] as number) + start;
    }
    return { cells, found, times, bytes };
  });
}

/** The memory that moves to the other thread instead of being copied. */
export function transferOf(blocks: readonly SentBlock[]): ArrayBuffer[] {
  const memory = blocks.flatMap(({ cells, found, times, bytes }) => [cells, found, times, bytes]);
  return memory.flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []));
}

/** Puts what came back into the blocks of the reads. */
export function fillBlocks(blocks: readonly RowBlock[], sent: readonly SentBlock[]): void {
  for (const [index, block] of blocks.entries()) {
    const { cells, found, times, bytes } = sent[index] as SentBlock;
    block.cells.set(cells);
    block.found.set(found);
    block.times.set(times);
    block.chunks.length = 0;
    block.chunks.push(bytes);
  }
}

export function packError(error: unknown): SentError {
  if (!(error instanceof StoreError)) {
    const message = 'SQLite failed in an unexpected way.';
    return { code: 'STORE_FAILED', message, hint: undefined, cause: copyError(error) };
  }
  const { code, message, hint, cause } = error;
  return { code, message, hint, cause: cause === undefined ? undefined : copyError(cause) };
}

/** An error without what cannot be sent to another thread. */
function copyError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const copy = new Error(error.message);
  if (error.stack !== undefined) copy.stack = error.stack;
  return copy;
}

export function unpackError({ code, message, hint, cause }: SentError): StoreError {
  return new StoreError(code, message, { ...(hint !== undefined && { hint }), cause });
}
