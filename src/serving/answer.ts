import { copyBytes, timestampSize, writeTimestamp } from '../encoding/wire.ts';
import { type Source, type Target, viewOf, writeValues } from './answer-values.ts';
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
  const target: Target = { bytes: out, view: viewOf(out) };
  const sources = judged.map((table): Source => ({ table, views: table.block.chunks.map(viewOf) }));
  let pos = copyBytes(plan.metadata, 0, plan.metadata.length, out, 0);
  for (let index = 0; index < echoed.length; index++) {
    const column = echoed[index];
    if (column === undefined) continue;
    pos = writeHead(out, pos, Tag.results, echoedSizes[index] ?? 0);
    pos = writeColumn(request.bytes, column, rows, out, pos);
  }
  for (let index = 0; index < outputs.length; index++) {
    const output = outputs[index];
    const source = output === undefined ? undefined : sources[output.table];
    const block = ownTimes?.[index] ?? (output === undefined ? undefined : times[output.table]);
    if (output === undefined || source === undefined || block === undefined) continue;
    pos = writeHead(out, pos, Tag.results, outputSizes[index] ?? 0);
    pos = writeValues(source, output.feature, rows, target, pos);
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
