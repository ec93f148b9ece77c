import { copyBytes } from '../../encoding/wire.ts';
import type { OnlineTable, TableRead } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import { decodeTime, fieldsOfTable, projectSuffix } from './redis-layout.ts';
import { decimalDigits, writeDecimal } from './redis-resp.ts';

/** Reads of a request that share all entity keys: one HMGET per key brings the fields of all of them. */
export interface ReadGroup {
  readonly keys: readonly Uint8Array[];
  readonly reads: readonly TableRead[];
  /** Which rows are asked for, where not all are. */
  readonly rows: readonly number[] | undefined;
  /** How many rows are asked for. */
  readonly count: number;
  /** Elements of every reply: per table its features, then the row's time. */
  readonly elements: number;
  /** What follows the entity key in every command: the project, and the fields. */
  readonly request: GroupRequest;
}

/** The part of a group's commands that is the same for every key, in RESP. */
export interface GroupRequest {
  /** `*N\r\n$5\r\nHMGET\r\n$` */
  readonly head: Buffer;
  readonly project: Buffer;
  /** `\r\n$4\r\n<field>…\r\n` */
  readonly tail: Buffer;
  /** How many fields are asked for. */
  readonly elements: number;
}

/** Groups the reads of one request. */
export function groupReads(reads: readonly TableRead[]): ReadGroup[] {
  const grouped: TableRead[][] = [];
  for (const read of reads) {
    if (read.keys.length === 0) continue;
    const group = grouped.find(([first]) => first !== undefined && sharesKeys(first, read));
    if (group === undefined) grouped.push([read]);
    else group.push(read);
  }
  return grouped.map((group) => {
    const keys = group[0]?.keys ?? [];
    const request = requestFor(group);
    return { keys, reads: group, rows: undefined, count: keys.length, elements: request.elements, request };
  });
}

function sharesKeys(a: TableRead, b: TableRead): boolean {
  if (a.table.project !== b.table.project) return false;
  if (a.keys === b.keys) return true;
  return a.keys.length === b.keys.length && a.keys.every((key, row) => Buffer.compare(key, b.keys[row] ?? key) === 0);
}

/** The rows that a group asks for. */
export function rowsOfGroup(group: ReadGroup): readonly number[] {
  return group.rows ?? [...group.keys.keys()];
}

/** Splits groups so that no part asks for more than `limit` rows. */
export function splitGroups(groups: readonly ReadGroup[], limit: number): ReadGroup[][] {
  const parts: ReadGroup[][] = [];
  let part: ReadGroup[] = [];
  let room = limit;
  for (const group of groups) {
    const rows = rowsOfGroup(group);
    for (let start = 0; start < rows.length; ) {
      const taken = rows.slice(start, start + room);
      part.push({ ...group, rows: taken, count: taken.length });
      start += taken.length;
      room -= taken.length;
      if (room > 0) continue;
      parts.push(part);
      part = [];
      room = limit;
    }
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

interface KnownRequest {
  readonly lists: readonly (readonly string[])[];
  readonly tables: readonly OnlineTable[];
  readonly request: GroupRequest;
}

/** A compiled plan comes with the same lists of features every time: hashed and laid out once, by the identity of the first. */
const knownRequests = new WeakMap<readonly string[], KnownRequest>();

function requestFor(reads: readonly TableRead[]): GroupRequest {
  const first = reads[0]?.features ?? [];
  const known = knownRequests.get(first);
  if (
    known !== undefined &&
    known.lists.length === reads.length &&
    reads.every((read, index) => read.features === known.lists[index] && read.table === known.tables[index])
  ) {
    return known.request;
  }
  const request = requestOfFields(fieldsOfReads(reads), projectSuffix(reads[0]?.table.project ?? ''));
  knownRequests.set(first, {
    lists: reads.map((read) => read.features),
    tables: reads.map((read) => read.table),
    request,
  });
  return request;
}

/** The fields that are asked for of every key. */
export function fieldsOfReads(reads: readonly TableRead[]): Buffer[] {
  return reads.flatMap((read) => fieldsOfTable(read.table, read.features));
}

/** As long as a plan is remembered so is this: in memory of its own, since a part of Node's pool would keep 8 KB of it. */
function requestOfFields(fields: readonly Buffer[], project: Buffer): GroupRequest {
  const head = Buffer.from(`*${fields.length + 2}\r\n$5\r\nHMGET\r\n$`);
  const parts = fields.flatMap((field) => [Buffer.from(`\r\n$${field.length}\r\n`), field]);
  const laid = Buffer.concat([head, project, ...parts, Buffer.from('\r\n')]);
  const own = Buffer.allocUnsafeSlow(laid.length);
  laid.copy(own);
  const tailAt = head.length + project.length;
  return {
    head: own.subarray(0, head.length),
    project: own.subarray(head.length, tailAt),
    tail: own.subarray(tailAt),
    elements: fields.length,
  };
}

/** Bytes of the HMGET commands of groups, one per row. */
export function sizeOfReads(groups: readonly ReadGroup[]): number {
  let size = 0;
  for (const { keys, rows, count, request } of groups) {
    const constant = request.head.length + request.project.length + request.tail.length + 2;
    for (let index = 0; index < count; index++) {
      const length = (keys[rows?.[index] ?? index]?.length ?? 0) + request.project.length;
      size += constant + (length - request.project.length) + decimalDigits(length);
    }
  }
  return size;
}

/** Writes the commands from `start` on; gives the position behind them. */
export function writeReads(groups: readonly ReadGroup[], out: Buffer, start: number): number {
  let pos = start;
  for (const { keys, rows, count, request } of groups) {
    const { head, project, tail } = request;
    for (let index = 0; index < count; index++) {
      const key = keys[rows?.[index] ?? index];
      if (key === undefined) continue;
      pos = copyBytes(head, 0, head.length, out, pos);
      pos = writeDecimal(key.length + project.length, out, pos);
      out[pos++] = 0x0d;
      out[pos++] = 0x0a;
      pos = copyBytes(key, 0, key.length, out, pos);
      pos = copyBytes(project, 0, project.length, out, pos);
      pos = copyBytes(tail, 0, tail.length, out, pos);
    }
  }
  return pos;
}

/**
 * Gives a row its event timestamp, once its features are set.
 * @param bytes hold a serialized Timestamp from `start` to `end`; nothing where Redis holds none
 * @returns false when the bytes are not a Timestamp
 */
export function setRowTime(
  read: TableRead,
  row: number,
  bytes: Buffer | undefined,
  start = 0,
  end = bytes?.length,
): boolean {
  const { block } = read;
  if (bytes === undefined) {
    // Values without a time: Feast shows them with 1970.
    if (block.hasValues(row)) block.setRow(row, 0, 0);
    return true;
  }
  const decoded = decodeTime(bytes, start, end);
  if (decoded === undefined) return false;
  block.setRow(row, decoded.seconds, decoded.nanos);
  return true;
}

export function corruptTime(read: TableRead, row: number): StoreError {
  return new StoreError(
    'STORE_CORRUPT',
    `Row ${row} of ${describeTable(read.table)} in Redis: its event time is not a Timestamp.`,
    { hint: 'Write the row again, or look at the key with HGETALL.' },
  );
}
