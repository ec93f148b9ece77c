import { copyBytes, timestampSize, varintSize, writeTimestamp, writeVarint } from '../encoding/wire.ts';
import type { RowBlock } from '../stores/row-block.ts';
import type { Plan } from './plan.ts';
import type { OnlineFeaturesRequest, RequestColumn } from './request.ts';
import { fieldSize, Tag, writeHead } from './response-wire.ts';

/** Numbers of `feast.serving.FieldStatus`. */
export const FieldStatus = { INVALID: 0, PRESENT: 1, NULL_VALUE: 2, NOT_FOUND: 3, OUTSIDE_MAX_AGE: 4 } as const;

/** What one table contributes to an answer: its block, and the verdict on every cell. */
export interface JudgedBlock {
  readonly block: RowBlock;
  /** Row of the block for a row of the request: 0 throughout for an entity-less view. */
  readonly constant: boolean;
  /** `FieldStatus` per cell of the block. */
  readonly statuses: Uint8Array;
  /** 1 per cell whose value is delivered; 0 for one that is missing, null or withheld. */
  readonly delivered: Uint8Array;
  /** 1 per cell that shows the epoch in place of the row's event timestamp; absent where no cell does. */
  readonly atEpoch?: Uint8Array | undefined;
}

/**
 * Serializes the whole `GetOnlineFeaturesResponse` into one allocation of the exact size. Values are copied from where the
 * store left them; nothing is decoded.
 */
export function encodeAnswer(
  plan: Plan,
  request: OnlineFeaturesRequest,
  rows: number,
  judged: readonly JudgedBlock[],
): Uint8Array {
  const echoed = [...plan.echoedEntities.map((index) => request.entities[index]), ...request.requestContext].filter(
    (column) => column !== undefined,
  );
  const times = judged.map((table) => timestampBlock(table, rows));

  const columnSizes = echoed.map((column) => columnValuesSize(column) + statusesSize(rows) + rows * 2);
  const outputSizes = new Array<number>(plan.outputs.length);
  const ownTimes = new Array<Uint8Array | undefined>(plan.outputs.length);
  let size = plan.metadata.length;
  for (const columnSize of columnSizes) size += fieldSize(columnSize);
  for (let index = 0; index < plan.outputs.length; index++) {
    const output = plan.outputs[index];
    const table = output === undefined ? undefined : judged[output.table];
    if (output === undefined || table === undefined) continue;
    const own = showsEpoch(table, output.feature) ? timestampBlock(table, rows, output.feature) : undefined;
    ownTimes[index] = own;
    const timesSize = (own ?? times[output.table])?.length ?? 0;
    const outputSize = outputValuesSize(table, output.feature, rows) + statusesSize(rows) + timesSize;
    outputSizes[index] = outputSize;
    size += fieldSize(outputSize);
  }

  const out = Buffer.allocUnsafe(size);
  let pos = copyBytes(plan.metadata, 0, plan.metadata.length, out, 0);
  for (const [index, column] of echoed.entries()) {
    pos = writeHead(out, pos, Tag.results, columnSizes[index] ?? 0);
    pos = writeColumn(request.bytes, column, rows, out, pos);
  }
  for (let index = 0; index < plan.outputs.length; index++) {
    const output = plan.outputs[index];
    const table = output === undefined ? undefined : judged[output.table];
    const block = ownTimes[index] ?? (output === undefined ? undefined : times[output.table]);
    if (output === undefined || table === undefined || block === undefined) continue;
    pos = writeHead(out, pos, Tag.results, outputSizes[index] ?? 0);
    pos = writeOutput(table, output.feature, rows, out, pos);
    pos = copyBytes(block, 0, block.length, out, pos);
  }
  return out;
}

function columnValuesSize(column: RequestColumn): number {
  if (column.spliceable) return column.payloadEnd - column.payloadStart;
  let size = 0;
  for (let row = 0; row < column.starts.length; row++) {
    size += fieldSize((column.ends[row] ?? 0) - (column.starts[row] ?? 0));
  }
  return size;
}

/** A column as it was sent, PRESENT throughout, at the epoch: an entity value has no event time. */
function writeColumn(bytes: Uint8Array, column: RequestColumn, rows: number, out: Uint8Array, start: number): number {
  let pos = start;
  if (column.spliceable) pos = copyBytes(bytes, column.payloadStart, column.payloadEnd, out, pos);
  else {
    for (let row = 0; row < rows; row++) {
      const valueStart = column.starts[row] ?? 0;
      const valueEnd = column.ends[row] ?? 0;
      pos = writeHead(out, pos, Tag.values, valueEnd - valueStart);
      pos = copyBytes(bytes, valueStart, valueEnd, out, pos);
    }
  }
  if (rows > 0) {
    pos = writeHead(out, pos, Tag.statuses, rows);
    out.fill(FieldStatus.PRESENT, pos, pos + rows);
    pos += rows;
  }
  for (let row = 0; row < rows; row++) {
    out[pos++] = Tag.eventTimestamps;
    out[pos++] = 0;
  }
  return pos;
}

function outputValuesSize(table: JudgedBlock, feature: number, rows: number): number {
  const { block, delivered, constant } = table;
  let size = 0;
  for (let row = 0; row < rows; row++) {
    const cell = (constant ? 0 : row * block.features) + feature;
    if (delivered[cell] === 0) size += 2;
    else {
      const length = (block.ends[cell] ?? 0) - (block.starts[cell] ?? 0);
      size += 1 + varintSize(length) + length;
    }
  }
  return size;
}

function writeOutput(table: JudgedBlock, feature: number, rows: number, out: Uint8Array, start: number): number {
  const { block, delivered, statuses, constant } = table;
  const step = constant ? 0 : block.features;
  let pos = start;
  for (let row = 0; row < rows; row++) {
    const cell = row * step + feature;
    out[pos++] = Tag.values;
    const source = delivered[cell] === 0 ? undefined : block.sources[cell];
    if (source === undefined) out[pos++] = 0;
    else {
      const valueStart = block.starts[cell] ?? 0;
      const valueEnd = block.ends[cell] ?? 0;
      pos = writeVarint(out, pos, valueEnd - valueStart);
      pos = copyBytes(source, valueStart, valueEnd, out, pos);
    }
  }
  if (rows > 0) {
    pos = writeHead(out, pos, Tag.statuses, rows);
    for (let row = 0; row < rows; row++) out[pos++] = statuses[row * step + feature] ?? 0;
  }
  return pos;
}

function showsEpoch(table: JudgedBlock, feature: number): boolean {
  const { atEpoch, block } = table;
  if (atEpoch === undefined) return false;
  for (let cell = feature; cell < atEpoch.length; cell += block.features) if (atEpoch[cell] === 1) return true;
  return false;
}

/**
 * The `event_timestamps` of one feature. All features of a view were written together, so one block serves them all,
 * unless a `feature` is named whose missing cells show the epoch.
 */
function timestampBlock(table: JudgedBlock, rows: number, feature?: number): Uint8Array {
  const { block, constant, atEpoch } = table;
  const sizes = new Int32Array(rows);
  let size = 0;
  for (let row = 0; row < rows; row++) {
    const at = constant ? 0 : row;
    const hidden = feature !== undefined && atEpoch?.[at * block.features + feature] === 1;
    const each = hidden ? 0 : timestampSize(block.seconds[at] ?? 0, block.nanos[at] ?? 0);
    sizes[row] = each;
    size += 2 + each;
  }
  const out = Buffer.allocUnsafe(size);
  let pos = 0;
  for (let row = 0; row < rows; row++) {
    const at = constant ? 0 : row;
    const each = sizes[row] ?? 0;
    out[pos++] = Tag.eventTimestamps;
    out[pos++] = each;
    if (each > 0) pos = writeTimestamp(out, pos, block.seconds[at] ?? 0, block.nanos[at] ?? 0);
  }
  return out;
}

function statusesSize(rows: number): number {
  return rows === 0 ? 0 : fieldSize(rows);
}
