import { read } from 'node:fs';
import { promisify } from 'node:util';
import { WriteBlock } from '../write-block.ts';
import { compareBytes } from './key-order.ts';
import type { SpooledRows } from './row-spool.ts';
import { appendRecord, keyLengthAt, keyStartAt, setAt, sizeAt, timesAt } from './spooled-record.ts';
import { type RowTimes, replaces } from './write-order.ts';

const readFd = promisify(read);

/** Memory for reading all runs, and for one at least. */
const ALL_CHUNKS = 16 * 1024 * 1024;
const MIN_CHUNK = 16 * 1024;

/**
 * Spooled rows in the order of their keys, in blocks of so many values. Of several rows of one entity with the same features the
 * newest is given, or several of them in the order in which they came.
 *
 * A block may be used until the next one is asked for.
 */
export async function* sortedBlocks(rows: SpooledRows, values: number): AsyncGenerator<WriteBlock, void, undefined> {
  const output = new BlockOutput(rows, values);
  const heap = await RunHeap.open(rows);
  for (let run = heap.first; run !== undefined; run = heap.first) {
    if (output.needsFlush(run)) {
      yield output.block;
      output.clear();
    }
    output.append(run);
    const moving = heap.advance();
    if (moving !== undefined) await moving;
  }
  if (output.block.rows > 0) yield output.block;
}

/** Reads one run, record after record. */
class Run {
  readonly order: number;
  readonly #fd: number;
  readonly #end: number;
  readonly #chunk: number;
  readonly #featureCounts: readonly number[];
  #next: number;
  buffer: Buffer;
  pos = 0;
  #filled: number;
  set = 0;
  keyStart = 0;
  keyLength = 0;

  constructor(
    order: number,
    source: Uint8Array | { fd: number; start: number; end: number },
    chunk: number,
    counts: readonly number[],
  ) {
    this.order = order;
    this.#featureCounts = counts;
    this.#chunk = chunk;
    if (source instanceof Uint8Array) {
      this.buffer = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
      [this.#fd, this.#next, this.#end, this.#filled] = [-1, 0, 0, source.length];
    } else {
      this.buffer = Buffer.allocUnsafe(chunk);
      [this.#fd, this.#next, this.#end, this.#filled] = [source.fd, source.start, source.end, 0];
    }
  }

  /** Moves to the record behind `size` bytes. @returns false at the end, a promise where it has to be read first */
  move(size: number): boolean | Promise<boolean> {
    this.pos += size;
    const left = this.#filled - this.pos;
    if (left >= 4 && left >= sizeAt(this)) return this.#look();
    if (left === 0 && this.#next === this.#end) return false;
    return this.#fill();
  }

  async #fill(): Promise<boolean> {
    this.#keepRest(this.buffer.length);
    await this.#read();
    const size = sizeAt(this);
    if (size > this.buffer.length) this.#keepRest(size);
    while (this.#filled < size) await this.#read();
    return this.#look();
  }

  /** Moves what was not used to the beginning, of a larger buffer where a record does not fit. */
  #keepRest(size: number): void {
    const rest = this.buffer.subarray(this.pos, this.#filled);
    const target = size > this.buffer.length ? Buffer.allocUnsafe(Math.max(size, this.#chunk)) : this.buffer;
    target.set(rest);
    this.buffer = target;
    this.#filled = rest.length;
    this.pos = 0;
  }

  async #read(): Promise<void> {
    const wanted = Math.min(this.buffer.length - this.#filled, this.#end - this.#next);
    const { bytesRead } = await readFd(this.#fd, this.buffer, this.#filled, wanted, this.#next);
    if (bytesRead === 0) throw new Error('The file of a load ended early.');
    this.#next += bytesRead;
    this.#filled += bytesRead;
  }

  #look(): true {
    this.set = setAt(this);
    this.keyStart = keyStartAt(this, this.#featureCounts[this.set] ?? 0);
    this.keyLength = keyLengthAt(this);
    return true;
  }
}

/** Runs by the key of their present record; those of equal keys in the order in which they came. */
class RunHeap {
  readonly #runs: Run[] = [];

  static async open({ runs, tail, fd = -1, featureSets }: SpooledRows): Promise<RunHeap> {
    const heap = new RunHeap();
    const chunk = Math.max(MIN_CHUNK, Math.floor(ALL_CHUNKS / Math.max(1, runs.length)));
    const counts = featureSets.map(({ length }) => length);
    const sources = [...runs.map((run) => ({ fd, ...run })), tail];
    for (const [order, source] of sources.entries()) {
      const run = new Run(order, source, chunk, counts);
      if (await run.move(0)) heap.#runs.push(run);
    }
    for (let at = heap.#runs.length >> 1; at >= 0; at--) heap.#sink(at);
    return heap;
  }

  get first(): Run | undefined {
    return this.#runs[0];
  }

  /** Moves the first run on. @returns a promise where something has to be read first */
  advance(): Promise<void> | undefined {
    const run = this.#runs[0];
    if (run === undefined) return undefined;
    const moved = run.move(sizeAt(run));
    if (typeof moved !== 'boolean') return moved.then((more) => this.#settle(more));
    this.#settle(moved);
    return undefined;
  }

  #settle(more: boolean): void {
    const last = more ? undefined : this.#runs.pop();
    if (last !== undefined && this.#runs.length > 0) this.#runs[0] = last;
    this.#sink(0);
  }

  #sink(from: number): void {
    const runs = this.#runs;
    for (let at = from; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < runs.length && standsBefore(runs[child] as Run, runs[least] as Run)) least = child;
      }
      if (least === at) return;
      [runs[at], runs[least]] = [runs[least] as Run, runs[at] as Run];
      at = least;
    }
  }
}

function standsBefore(a: Run, b: Run): boolean {
  const difference = compareBytes(a.buffer, a.keyStart, a.keyLength, b.buffer, b.keyStart, b.keyLength);
  return difference === 0 ? a.order < b.order : difference < 0;
}

/** The block that is being filled: one per list of features, of which one is in use. */
class BlockOutput {
  readonly #blocks: WriteBlock[];
  block: WriteBlock;
  #set = 0;

  constructor({ featureSets }: SpooledRows, values: number) {
    this.#blocks = featureSets.map(
      (features) => new WriteBlock(features, Math.max(1, Math.floor(values / Math.max(1, features.length)))),
    );
    this.block = this.#blocks[0] ?? new WriteBlock([], 1);
  }

  /** Whether what there is has to go first. */
  needsFlush(run: Run): boolean {
    if (this.block.rows === 0) return false;
    return this.#set !== run.set || (this.block.isFull && !this.#isSameEntity(run));
  }

  clear(): void {
    this.block.clear();
  }

  append(run: Run): void {
    this.#set = run.set;
    this.block = this.#blocks[run.set] as WriteBlock;
    if (this.#isSameEntity(run)) {
      if (!replaces(timesAt(run), this.#lastTimes())) return;
      this.block.rows--;
      this.block.dropRow();
    }
    appendRecord(this.block, run);
  }

  #isSameEntity({ buffer, keyStart, keyLength }: Run): boolean {
    const { block } = this;
    const last = block.rows - 1;
    if (last < 0) return false;
    const start = block.startOf(last, 0);
    return compareBytes(buffer, keyStart, keyLength, block.bytes, start, block.endOf(last, 0) - start) === 0;
  }

  #lastTimes(): RowTimes {
    const last = this.block.rows - 1;
    return { eventTimestamp: this.block.timestampAt(last), createdTimestamp: this.block.createdAt(last) };
  }
}
