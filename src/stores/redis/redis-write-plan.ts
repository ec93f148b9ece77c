import { copyBytes, timestampSize, writeTimestamp } from '../../encoding/wire.ts';
import type { OnlineTable } from '../online-store.ts';
import { ROW_TIMES, type WriteBlock } from '../write-block.ts';
import { GUARD_SCRIPT, GUARD_SHA, ROWS_PER_CALL } from './redis-guard-script.ts';
import { featureField, projectSuffix, timeField, wholeMicros } from './redis-layout.ts';
import { BULK_OVERHEAD, bulkOf, writeAll, writeHead } from './redis-resp.ts';

/** Commands of so many bytes are sent together: what Redis has received it can begin with. */
const PART_BYTES = 60 * 1024;
/** More values than this are not sent in one call of the script, if it can be helped. */
const MAX_CALL_VALUES = 2048;
/** Longest Timestamp: two tags and two varints. */
const MAX_TIME = 22;
const COMMAND = 0x2a; // *
const ARGUMENT = 0x24; // $
/** `*N`, the name, the hash of a script and the numbers in front of the rows, at most. */
const CALL_HEAD = 160;

const EVALSHA = Buffer.concat([bulkOf('EVALSHA'), bulkOf(GUARD_SHA)]);
const EVAL = Buffer.concat([bulkOf('EVAL'), bulkOf(GUARD_SCRIPT)]);
const HSET = bulkOf('HSET');
const EXPIRE = Buffer.concat([Buffer.from('*3\r\n'), bulkOf('EXPIRE')]);

export interface WritePlanOptions {
  /** Leaves out rows that are not newer than the stored ones. */
  readonly guarded: boolean;
  /** Seconds after which Redis forgets what was written; 0 for never. */
  readonly ttl: number;
  /** Rows of several slots cannot be in one call of a script. */
  readonly isCluster: boolean;
  /** Rows that are sent together at most. */
  readonly maxRows: number;
  /** By which numbers the caller knows the rows of the block, where it is not their own. */
  readonly rowNumbers?: readonly number[];
}

/** Rows of a plan that are sent together, as many commands. */
export interface WritePart {
  readonly plan: WritePlan;
  /** Rows of the block. */
  readonly rows: Int32Array;
  readonly commands: number;
  /** Bytes of the commands at most, without the script itself. */
  readonly bytes: number;
}

/** How the rows of a block are written: lays Redis' commands straight from the block's bytes. */
export class WritePlan {
  readonly table: OnlineTable;
  readonly block: WriteBlock;
  readonly guarded: boolean;
  readonly ttl: number;
  readonly project: Buffer;
  /** Fields of the hash: the time's, then one per feature of the block. */
  readonly fields: readonly Buffer[];
  readonly #bytes: Uint8Array;
  readonly #pieces: number;
  readonly #maxRows: number;
  readonly #rowNumbers: readonly number[] | undefined;
  readonly #rowsPerCall: number;
  /** The fields as arguments, each and all. */
  readonly #arguments: readonly Buffer[];
  readonly #allFields: Buffer;
  /** What follows the keys in a call of the script. */
  readonly #callTail: Buffer;
  readonly #ttlArgument: Buffer;

  constructor(table: OnlineTable, block: WriteBlock, options: WritePlanOptions) {
    this.table = table;
    this.block = block;
    this.guarded = options.guarded;
    this.ttl = options.ttl;
    this.project = projectSuffix(table.project);
    this.fields = [timeField(table.name), ...block.features.map((feature) => featureField(table.name, feature))];
    this.#bytes = block.bytes;
    this.#pieces = block.features.length + 1;
    this.#maxRows = options.maxRows;
    this.#rowNumbers = options.rowNumbers;
    const fewValues = Math.max(1, Math.floor(MAX_CALL_VALUES / this.#pieces));
    this.#rowsPerCall = options.isCluster ? 1 : Math.min(ROWS_PER_CALL, fewValues);
    this.#arguments = this.fields.map(bulkOf);
    this.#allFields = Buffer.concat(this.#arguments);
    this.#ttlArgument = bulkOf(`${options.ttl}`);
    this.#callTail = Buffer.concat([this.#ttlArgument, bulkOf(`${this.#pieces}`), this.#allFields]);
  }

  /** The part that begins with the row at this position of `rows`. */
  partAt(rows: Int32Array, position: number): WritePart {
    const last = Math.min(rows.length, position + this.#maxRows);
    let bytes = 0;
    let end = position;
    while (end < last) {
      const more = this.#rowBytes(rows[end] ?? 0) + (this.#beginsCall(end - position) ? this.#callBytes : 0);
      if (end > position && bytes + more > PART_BYTES) break;
      bytes += more;
      end++;
    }
    return { plan: this, rows: rows.subarray(position, end), commands: this.#commandsFor(end - position), bytes };
  }

  /** The rows of a part's command: all that failed, as far as anybody can tell, when it was refused. */
  rowsOfCommand({ rows }: WritePart, command: number): Int32Array {
    if (this.guarded) return rows.subarray(command * this.#rowsPerCall, (command + 1) * this.#rowsPerCall);
    const row = this.ttl > 0 ? command >> 1 : command;
    return rows.subarray(row, row + 1);
  }

  /** Writes a part's commands; the first one brings the script along where Redis may not know it. */
  writeCommands({ rows }: WritePart, withScript: boolean, out: Uint8Array, start: number): number {
    let pos = start;
    if (this.guarded) {
      for (let first = 0; first < rows.length; first += this.#rowsPerCall) {
        const count = Math.min(this.#rowsPerCall, rows.length - first);
        pos = this.#writeCall(rows, first, count, withScript && first === 0, out, pos);
      }
      return pos;
    }
    for (let index = 0; index < rows.length; index++) pos = this.#writeHset(rows[index] ?? 0, out, pos);
    return pos;
  }

  /** The number of a row for messages. */
  rowNumber(row: number): number {
    return this.#rowNumbers?.[row] ?? row;
  }

  /** For a command that goes through the client library; copies, which outlive the block. */
  keyOf(row: number): Buffer {
    return Buffer.concat([this.block.keyAt(row), this.project]);
  }

  /** The values of all {@link fields}, the time first; copies too. */
  valuesOf(row: number): Buffer[] {
    const time = Buffer.allocUnsafe(MAX_TIME);
    const values = [time.subarray(0, this.#putTime(row, time, 0))];
    for (let feature = 0; feature < this.#pieces - 1; feature++) {
      values.push(Buffer.from(this.block.valueAt(row, feature)));
    }
    return values;
  }

  #writeCall(
    rows: Int32Array,
    first: number,
    count: number,
    withScript: boolean,
    out: Uint8Array,
    start: number,
  ): number {
    let pos = writeHead(COMMAND, 5 + count + this.#pieces * (count + 1), out, start);
    pos = writeAll(withScript ? EVAL : EVALSHA, out, pos);
    pos = writeCount(count, out, pos);
    for (let index = first; index < first + count; index++) pos = this.#writeKey(rows[index] ?? 0, out, pos);
    pos = writeAll(this.#callTail, out, pos);
    for (let index = first; index < first + count; index++) {
      const row = rows[index] ?? 0;
      pos = this.#writeTime(row, out, pos);
      for (let piece = 1; piece < this.#pieces; piece++) pos = this.#writePiece(row, piece, out, pos);
    }
    return pos;
  }

  #writeHset(row: number, out: Uint8Array, start: number): number {
    let pos = writeHead(COMMAND, 2 + 2 * this.#pieces, out, start);
    pos = writeAll(HSET, out, pos);
    pos = this.#writeKey(row, out, pos);
    for (let piece = 0; piece < this.#pieces; piece++) {
      const field = this.#arguments[piece];
      if (field !== undefined) pos = writeAll(field, out, pos);
      pos = piece === 0 ? this.#writeTime(row, out, pos) : this.#writePiece(row, piece, out, pos);
    }
    if (this.ttl === 0) return pos;
    pos = writeAll(EXPIRE, out, pos);
    pos = this.#writeKey(row, out, pos);
    return writeAll(this.#ttlArgument, out, pos);
  }

  #writeKey(row: number, out: Uint8Array, start: number): number {
    const { block, project } = this;
    const from = block.startOf(row, 0);
    const end = block.endOf(row, 0);
    let pos = writeHead(ARGUMENT, end - from + project.length, out, start);
    pos = copyBytes(this.#bytes, from, end, out, pos);
    return endArgument(out, writeAll(project, out, pos));
  }

  #writePiece(row: number, piece: number, out: Uint8Array, start: number): number {
    const from = this.block.startOf(row, piece);
    const end = this.block.endOf(row, piece);
    return endArgument(out, copyBytes(this.#bytes, from, end, out, writeHead(ARGUMENT, end - from, out, start)));
  }

  #writeTime(row: number, out: Uint8Array, start: number): number {
    const { times } = this.block;
    const at = row * ROW_TIMES;
    const size = timestampSize(times[at] ?? 0, wholeMicros(times[at + 1] ?? 0));
    return endArgument(out, this.#putTime(row, out, writeHead(ARGUMENT, size, out, start)));
  }

  #putTime(row: number, out: Uint8Array, pos: number): number {
    const { times } = this.block;
    const at = row * ROW_TIMES;
    return writeTimestamp(out, pos, times[at] ?? 0, wholeMicros(times[at + 1] ?? 0));
  }

  #commandsFor(rows: number): number {
    if (this.guarded) return Math.ceil(rows / this.#rowsPerCall);
    return this.ttl > 0 ? rows * 2 : rows;
  }

  #beginsCall(index: number): boolean {
    return !this.guarded || index % this.#rowsPerCall === 0;
  }

  /** Bytes of a command without its rows, at most. */
  get #callBytes(): number {
    return CALL_HEAD + this.#allFields.length;
  }

  /** Bytes of a row's key, time and values as arguments, at most. */
  #rowBytes(row: number): number {
    const { block } = this;
    const keyBytes = block.endOf(row, 0) - block.startOf(row, 0) + this.project.length;
    const rowBytes = block.endOf(row, this.#pieces - 1) - block.startOf(row, 0) + this.project.length + MAX_TIME;
    // The key stands twice where EXPIRE needs it too.
    return rowBytes + keyBytes + (this.#pieces + 2) * BULK_OVERHEAD;
  }
}

/** What the script itself adds to a part that brings it along. */
export const SCRIPT_BYTES = EVAL.length;

function writeCount(count: number, out: Uint8Array, start: number): number {
  const text = `${count}`;
  let pos = writeHead(ARGUMENT, text.length, out, start);
  for (let index = 0; index < text.length; index++) out[pos++] = text.charCodeAt(index);
  return endArgument(out, pos);
}

function endArgument(out: Uint8Array, pos: number): number {
  out[pos] = 0x0d;
  out[pos + 1] = 0x0a;
  return pos + 2;
}
