import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreError } from '../store-error.ts';
import type { WriteBlock } from '../write-block.ts';
import { keyOrder } from './key-order.ts';
import { keyLengthAt, keyStartAt, recordSize, writeRecord } from './spooled-record.ts';

/** Bytes that are sorted at once. Memory for twice as much is taken while they are. */
const RUN_BYTES = 8 * 1024 * 1024;

/** Rows in the order of their keys, in several runs. May be sent to another thread: the file belongs to the process. */
export interface SpooledRows {
  /** Lists of features that rows have. */
  readonly featureSets: readonly (readonly string[])[];
  /** Places in the file of which each holds sorted records, and those that were never written to it. In the order in which they came. */
  readonly runs: readonly { readonly start: number; readonly end: number }[];
  readonly tail: Uint8Array;
  /** Descriptor of the file, where there are runs in it. */
  readonly fd: number | undefined;
  readonly rows: number;
  readonly values: number;
}

/**
 * Rows that wait to be written all at once: sorted by their keys, in a file of a few megabytes of memory's reach. The file has no
 * name from the moment on in which it exists, so that nothing of it is left when the process dies.
 */
export class RowSpool {
  readonly #featureSets: (readonly string[])[] = [];
  readonly #runs: { start: number; end: number }[] = [];
  readonly #runBytes: number;
  #buffer = Buffer.alloc(0);
  #pos = 0;
  #starts: number[] = [];
  #sets: number[] = [];
  #file: FileHandle | undefined;
  #rows = 0;
  #values = 0;

  constructor(runBytes = RUN_BYTES) {
    this.#runBytes = runBytes;
  }

  /** @throws StoreError `STORE_OVERLOADED` when the file cannot be made or does not fit */
  async add(block: WriteBlock): Promise<void> {
    const set = this.#setOf(block.features);
    const { bytes } = block;
    for (let row = 0; row < block.rows; row++) {
      const size = recordSize(block, row);
      if (this.#pos > 0 && this.#pos + size > this.#runBytes) await this.#flush();
      this.#makeRoom(size);
      this.#starts.push(this.#pos);
      this.#sets.push(set);
      this.#pos = writeRecord(this.#buffer, this.#pos, set, block, row, bytes);
    }
    this.#rows += block.rows;
    this.#values += block.rows * block.features.length;
  }

  /** All rows that were added. No more may be. */
  async finish(): Promise<SpooledRows> {
    const tail = this.#sorted();
    this.#buffer = Buffer.alloc(0);
    return {
      featureSets: this.#featureSets,
      runs: this.#runs,
      tail,
      fd: this.#file?.fd,
      rows: this.#rows,
      values: this.#values,
    };
  }

  /** Gives the disk space back. Safe to call twice. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#buffer = Buffer.alloc(0);
    await file?.close();
  }

  #setOf(features: readonly string[]): number {
    const known = this.#featureSets.findIndex(
      (set) => set === features || (set.length === features.length && set.every((name, n) => name === features[n])),
    );
    return known >= 0 ? known : this.#featureSets.push([...features]) - 1;
  }

  #makeRoom(size: number): void {
    const needed = this.#pos + size;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, Math.min(this.#buffer.length * 2, this.#runBytes), 65_536));
    grown.set(this.#buffer.subarray(0, this.#pos));
    this.#buffer = grown;
  }

  async #flush(): Promise<void> {
    const run = this.#sorted();
    const start = this.#runs.at(-1)?.end ?? 0;
    try {
      this.#file ??= await openNameless();
      for (let done = 0; done < run.length; ) {
        done += (await this.#file.write(run, done, run.length - done, start + done)).bytesWritten;
      }
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new StoreError(
        'STORE_OVERLOADED',
        `The rows of a load cannot be kept in the folder for temporary files: ${reason}.`,
        {
          hint: 'Free some space there, or let TMPDIR name another folder.',
          cause,
        },
      );
    }
    this.#runs.push({ start, end: start + run.length });
    this.#pos = 0;
    this.#starts = [];
    this.#sets = [];
    // One that a single large row left behind.
    if (this.#buffer.length > this.#runBytes) this.#buffer = Buffer.alloc(0);
  }

  /** The records in memory, in the order of their keys. */
  #sorted(): Uint8Array {
    const buffer = this.#buffer;
    const starts = this.#starts.map((pos, n) =>
      keyStartAt({ buffer, pos }, this.#featureSets[this.#sets[n] as number]?.length ?? 0),
    );
    const lengths = this.#starts.map((pos) => keyLengthAt({ buffer, pos }));
    const out = new Uint8Array(this.#pos);
    let at = 0;
    for (const index of keyOrder(buffer, starts, lengths)) {
      const record = buffer.subarray(this.#starts[index], this.#starts[index + 1] ?? this.#pos);
      out.set(record, at);
      at += record.length;
    }
    return out;
  }
}

async function openNameless(): Promise<FileHandle> {
  const path = join(tmpdir(), `sideboard-load-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  return file;
}
