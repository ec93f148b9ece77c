import { copyBytes, timestampSize, writeTimestamp, writeVarint } from '../encoding/wire.ts';
import { CELL, CELL_CHUNK, CELL_END, CELL_START, CELL_STATUS } from '../stores/row-block.ts';
import { FieldStatus } from './field-status.ts';
import type { JudgedBlock } from './judge.ts';
import type { Plan } from './plan.ts';
import type { OnlineFeaturesRequest, RequestColumn } from './request.ts';
import { fieldSize, Tag, writeHead } from './response-wire.ts';
import type { ServedCall } from './served-call.ts';

/**
 * Serializes the whole `GetOnlineFeaturesResponse` into one allocation of the exact size. Values are copied from where the
 * store left them; nothing is decoded.
 *
 * @param call may have memory for the answer
 */
export function encodeAnswer(
  plan: Plan,
  request: OnlineFeaturesRequest,
  rows: number,
  judged: readonly JudgedBlock[],
  call: ServedCall = {},
): Uint8Array {
  const { outputs } = plan;
  const echoed = echoedColumns(plan, request);
  const fixedSize = rows === 0 ? 0 : fieldSize(rows);
  const times = judged.map((table) => timestampBlock(table, rows));

  const echoedSizes = echoed.map((column) => columnValuesSize(column) + fixedSize + rows * 2);
  const outputSizes = new Float64Array(outputs.length);
  let ownTimes: (Uint8Array | undefined)[] | undefined;
  let size = plan.metadata.length;
  for (const columnSize of echoedSizes) size += fieldSize(columnSize);
  for (let index = 0; index < outputs.length; index++) {
    const output = outputs[index];
    const table = output === undefined ? undefined : judged[output.table];
    if (output === undefined || table === undefined) continue;
    let timesSize = times[output.table]?.length ?? 0;
    if (table.atEpoch !== undefined) {
      ownTimes ??= [];
      const own = timestampBlock(table, rows, output.feature);
      ownTimes[index] = own;
      timesSize = own.length;
    }
    const valuesSize = (table.valueSizes[output.feature] ?? 0) * (table.constant ? rows : 1);
    const outputSize = valuesSize + fixedSize + timesSize;
    outputSizes[index] = outputSize;
    size += fieldSize(outputSize);
  }

  const out = call.allocateAnswer?.(size) ?? Buffer.allocUnsafe(size);
  const outView = new DataView(out.buffer, out.byteOffset, out.length);
  const views = judged.map(({ block }) => block.chunks.map((c) => new DataView(c.buffer, c.byteOffset, c.length)));
  let pos = copyBytes(plan.metadata, 0, plan.metadata.length, out, 0);
  for (let index = 0; index < echoed.length; index++) {
    const column = echoed[index];
    if (column === undefined) continue;
    pos = writeHead(out, pos, Tag.results, echoedSizes[index] ?? 0);
    pos = writeColumn(request.bytes, column, rows, out, pos);
  }
  for (let index = 0; index < outputs.length; index++) {
    const output = outputs[index];
    const table = output === undefined ? undefined : judged[output.table];
    const block = ownTimes?.[index] ?? (output === undefined ? undefined : times[output.table]);
    if (output === undefined || table === undefined || block === undefined) continue;
    pos = writeHead(out, pos, Tag.results, outputSizes[index] ?? 0);
    pos = writeOutput(table, views[output.table] as DataView[], output.feature, rows, out, outView, pos);
    pos = copyBytes(block, 0, block.length, out, pos);
  }
  return out;
}

function echoedColumns(plan: Plan, request: OnlineFeaturesRequest): RequestColumn[] {
  const columns: RequestColumn[] = [];
  for (const index of plan.echoedEntities) {
    const column = request.entities[index];
    if (column !== undefined) columns.push(column);
  }
  for (const column of request.requestContext) columns.push(column);
  return columns;
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
    for (let row = 0; row < rows; row++) out[pos++] = FieldStatus.PRESENT;
  }
  for (let row = 0; row < rows; row++) {
    out[pos++] = Tag.eventTimestamps;
    out[pos++] = 0;
  }
  return pos;
}

function writeOutput(
  table: JudgedBlock,
  views: readonly DataView[],
  feature: number,
  rows: number,
  out: Uint8Array,
  outView: DataView,
  start: number,
): number {
  const { cells, chunks, features } = table.block;
  const step = table.constant ? 0 : features * CELL;
  const first = feature * CELL;
  let pos = start;
  let chunkNumber = 0;
  let chunk: Uint8Array = EMPTY;
  let view: DataView = outView;
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
    const valueStart = cells[cell + CELL_START] as number;
    const valueEnd = cells[cell + CELL_END] as number;
    const length = valueEnd - valueStart;
    if (length < 0x80) out[pos++] = length;
    else pos = writeVarint(out, pos, length);
    if (length < 4) {
      for (let at = valueStart; at < valueEnd; at++) out[pos++] = chunk[at] as number;
    } else if (length < LONG) {
      // Four bytes at a time; the last four may overlap those before them.
      const last = valueEnd - 4;
      for (let at = valueStart; at < last; at += 4, pos += 4) outView.setInt32(pos, view.getInt32(at, true), true);
      pos -= (last - valueStart) & 3 ? 4 - ((last - valueStart) & 3) : 0;
      outView.setInt32(pos, view.getInt32(last, true), true);
      pos += 4;
    } else {
      out.set(chunk.subarray(valueStart, valueEnd), pos);
      pos += length;
    }
  }
  if (rows > 0) {
    pos = writeHead(out, pos, Tag.statuses, rows);
    for (let row = 0, cell = first; row < rows; row++, cell += step) out[pos++] = cells[cell + CELL_STATUS] as number;
  }
  return pos;
}

const EMPTY = new Uint8Array();
const LONG = 100;

/**
 * The `event_timestamps` of one feature. All features of a view were written together, so one block serves them all,
 * unless a `feature` is named whose missing cells show the epoch.
 */
function timestampBlock(table: JudgedBlock, rows: number, feature?: number): Uint8Array {
  const { block, constant, atEpoch } = table;
  const { times, features } = block;
  // A timestamp takes at most 17 bytes; its own buffer is short-lived, so the few that stay unused cost nothing.
  const out = Buffer.allocUnsafe(rows * 19);
  let pos = 0;
  for (let row = 0; row < rows; row++) {
    const at = constant ? 0 : row;
    const hidden = feature !== undefined && atEpoch?.[at * features + feature] === 1;
    const seconds = hidden ? 0 : (times[at * 2] as number);
    const nanos = hidden ? 0 : (times[at * 2 + 1] as number);
    const size = timestampSize(seconds, nanos);
    out[pos++] = Tag.eventTimestamps;
    out[pos++] = size;
    if (size > 0) pos = writeTimestamp(out, pos, seconds, nanos);
  }
  return out.subarray(0, pos);
}
