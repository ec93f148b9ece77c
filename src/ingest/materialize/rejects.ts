import { createWriteStream, type WriteStream } from 'node:fs';
import { lstat, mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { finished } from 'node:stream/promises';
import { MaterializeError } from '../materialize-error.ts';

/** A row that cannot be loaded, and why. It never holds what the row holds. */
export interface RejectedRow {
  readonly file: string;
  /** Line of a CSV or JSON lines file; row of a Parquet file, counted from 1. */
  readonly row: number | undefined;
  readonly column: string | undefined;
  readonly reason: string;
}

/** Takes rejected rows down as JSON lines; the file is made with the first one. */
export class RejectFile {
  readonly path: string;
  #stream: WriteStream | undefined;
  #failure: unknown;
  #isWanted = false;
  readonly #since = Date.now();

  constructor(path: string) {
    this.path = path;
  }

  async add(view: string, { file, row, column, reason }: RejectedRow): Promise<void> {
    this.#stream ??= await this.#open();
    const line = `${JSON.stringify({ view, file, row: row ?? null, column: column ?? null, reason })}\n`;
    if (!this.#stream.write(line)) await new Promise<void>((resolve) => this.#afterDrain(resolve));
    if (this.#failure !== undefined) throw this.#error();
  }

  /** Says that what an earlier run wrote there is of this run too: it goes on with rows that were judged then. */
  keepEarlier(): void {
    this.#isWanted = true;
  }

  /** Removes what an earlier run left, where this one, which is complete, rejected nothing. */
  async removeEarlier(): Promise<void> {
    if (this.isUsed || this.#isWanted) return;
    // A run beside this one may be writing it.
    const isOld = await lstat(this.path).then(
      (stats) => stats.isFile() && stats.mtimeMs < this.#since,
      () => false,
    );
    // Where it cannot be removed nothing is lost.
    if (isOld) await rm(this.path, { force: true }).catch(() => {});
  }

  /** Whether any row was taken down. */
  get isUsed(): boolean {
    return this.#stream !== undefined;
  }

  async close(): Promise<void> {
    if (this.#stream === undefined) return;
    this.#stream.end();
    await finished(this.#stream).catch(() => {});
    if (this.#failure !== undefined) throw this.#error();
  }

  async #open(): Promise<WriteStream> {
    await mkdir(dirname(this.path), { recursive: true }).catch((error: unknown) => {
      this.#failure = error;
    });
    if (this.#failure !== undefined) throw this.#error();
    const stream = createWriteStream(this.path);
    stream.on('error', (error) => {
      this.#failure ??= error;
    });
    return stream;
  }

  #afterDrain(resolve: () => void): void {
    const done = (): void => {
      this.#stream?.off('drain', done).off('error', done).off('close', done);
      resolve();
    };
    this.#stream?.on('drain', done).on('error', done).on('close', done);
  }

  #error(): MaterializeError {
    return new MaterializeError('MATERIALIZE_FAILED', `The reject file ${this.path} cannot be written.`, {
      hint: 'Name another one with --reject-file.',
      cause: this.#failure,
    });
  }
}
