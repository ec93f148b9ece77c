import { copyBytes, writeVarint } from '../encoding/wire.ts';
import { CELL, CELL_CHUNK, CELL_END, CELL_START, CELL_STATUS } from '../stores/row-block.ts';
import type { JudgedBlock } from './judge.ts';
import { Tag, writeHead } from './response-wire.ts';

/** A table's values, and the chunks that they stand in as numbers of several bytes can be read from them. */
export interface Source {
  readonly table: JudgedBlock;
  readonly views: readonly DataView[];
}

/** An answer that is being written. */
export interface Target {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** From this length on a value is copied four bytes at a time. */
const FOURS = 4;
/** From this length on the call into native code pays. */
const LONG = 128;

export function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** Writes `values` and `statuses` of one feature from `start` on; gives the position behind them. */
export function writeValues(source: Source, feature: number, rows: number, target: Target, start: number): number {
  if (rows === 0) return start;
  const { table, views } = source;
  const { cells, chunks, features } = table.block;
  const { bytes: out, view: outView } = target;
  const step = table.constant ? 0 : features * CELL;
  const first = feature * CELL;
  let pos = start;
  let chunkNumber = 0;
  let chunk: Uint8Array = out;
  let view = outView;
  for (let row = 0, cell = first; row < rows; row++, cell += step) {
    out[pos++] = Tag.values;
    const number = cells[cell + CELL_CHUNK] as number;
    if (number === 0) {
      out[pos++] = 0;
      continue;
    }
    if (number !== chunkNumber) {
      chunkNumber = number;
      chunk = chunks[number - 1] as Uint8Array;
      view = views[number - 1] as DataView;
    }
    const from = cells[cell + CELL_START] as number;
    const end = cells[cell + CELL_END] as number;
    const length = end - from;
    if (length < 0x80) out[pos++] = length;
    else pos = writeVarint(out, pos, length);
    if (length >= FOURS && length < LONG) pos = copyByFours(view, from, end, outView, pos);
    else pos = copyBytes(chunk, from, end, out, pos);
  }
  pos = writeHead(out, pos, Tag.statuses, rows);
  for (let row = 0, cell = first; row < rows; row++, cell += step) out[pos++] = cells[cell + CELL_STATUS] as number;
  return pos;
}

/** Copies at least four bytes; the last four may overlap those before them. */
function copyByFours(source: DataView, start: number, end: number, out: DataView, pos: number): number {
  const shift = pos - start;
  const last = end - 4;
  for (let at = start; at < last; at += 4) out.setInt32(at + shift, source.getInt32(at, true), true);
  out.setInt32(last + shift, source.getInt32(last, true), true);
  return end + shift;
}
