import { ROW_TIMES, type WriteBlock } from '../write-block.ts';
import type { RowTimes } from './write-order.ts';

/**
 * A row as a {@link RowSpool} keeps it: the size of all of it, the number of its list of features, its times, the length of its
 * key and of each value, and then these pieces one behind the other.
 */
const SET = 4;
const TIMES = 8;
const LENGTHS = TIMES + ROW_TIMES * 8;

/** Bytes that a row of a block takes. */
export function recordSize(block: WriteBlock, row: number): number {
  const pieces = block.features.length + 1;
  return LENGTHS + pieces * 4 + block.endOf(row, pieces - 1) - block.startOf(row, 0);
}

/** @param bytes all pieces of the block */
export function writeRecord(
  out: Buffer,
  pos: number,
  set: number,
  block: WriteBlock,
  row: number,
  bytes: Uint8Array,
): number {
  const pieces = block.features.length + 1;
  const data = pos + LENGTHS + pieces * 4;
  const start = block.startOf(row, 0);
  const end = block.endOf(row, pieces - 1);
  out.writeUInt32LE(data - pos + end - start, pos);
  out.writeUInt32LE(set, pos + SET);
  for (let n = 0; n < ROW_TIMES; n++)
    out.writeDoubleLE(block.times[row * ROW_TIMES + n] as number, pos + TIMES + n * 8);
  for (let piece = 0; piece < pieces; piece++) {
    out.writeUInt32LE(block.endOf(row, piece) - block.startOf(row, piece), pos + LENGTHS + piece * 4);
  }
  out.set(bytes.subarray(start, end), data);
  return data + end - start;
}

/** A record in a buffer. */
export interface RecordPlace {
  readonly buffer: Buffer;
  readonly pos: number;
}

export function sizeAt({ buffer, pos }: RecordPlace): number {
  return buffer.readUInt32LE(pos);
}

export function setAt({ buffer, pos }: RecordPlace): number {
  return buffer.readUInt32LE(pos + SET);
}

export function keyLengthAt({ buffer, pos }: RecordPlace): number {
  return buffer.readUInt32LE(pos + LENGTHS);
}

/** Where its key begins. */
export function keyStartAt({ pos }: RecordPlace, features: number): number {
  return pos + LENGTHS + (features + 1) * 4;
}

export function timesAt(record: RecordPlace): RowTimes {
  const [seconds, nanos, created, createdNanos] = numbersAt(record);
  return {
    eventTimestamp: { seconds, nanos },
    createdTimestamp: Number.isNaN(created) ? undefined : { seconds: created, nanos: createdNanos },
  };
}

/** Appends a record to a block of its features. */
export function appendRecord(block: WriteBlock, record: RecordPlace): void {
  const { buffer, pos } = record;
  const { out } = block;
  const pieces = block.features.length + 1;
  const data = keyStartAt(record, block.features.length);
  let end = out.pos;
  out.raw(buffer.subarray(data, pos + sizeAt(record)));
  for (let piece = 0; piece < pieces; piece++) {
    end += buffer.readUInt32LE(pos + LENGTHS + piece * 4);
    out.pos = end;
    block.endPiece();
  }
  block.endRow(...numbersAt(record));
}

function numbersAt({ buffer, pos }: RecordPlace): [number, number, number, number] {
  const number = (n: number): number => buffer.readDoubleLE(pos + TIMES + n * 8);
  return [number(0), number(1), number(2), number(3)];
}
