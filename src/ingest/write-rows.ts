import type { OnlineRow, OnlineStore, OnlineTable } from '../stores/online-store.ts';
import { IngestError } from './ingest-error.ts';
import type { RowRecord } from './record.ts';
import type { RowTyper } from './row-from-record.ts';
import { writeNewest } from './write-newest.ts';

export interface WriteRowsOptions {
  /** Absent for a trial: rows are read and typed, and nothing is written. */
  readonly store?: OnlineStore;
  readonly table: OnlineTable;
  readonly typeRow: RowTyper;
  /** Rows of one call of the store. */
  readonly batchSize: number;
  /** How long the store may take for one batch, in milliseconds. */
  readonly batchTimeoutMs: number;
  /** Leaves out rows that are older than what is stored; without it the store decides as Feast's own class does. */
  readonly newestOnly?: boolean;
  /** Ends the work behind the batch under way. */
  readonly signal?: AbortSignal;
  /** Told how many rows are done so far: written, or in a trial read. */
  readonly onProgress?: (rows: number) => void;
}

/** How far it came. Rows are written in the order of the file, batch by batch. */
export interface WriteOutcome {
  /** Rows that are in the store for certain; in a trial, rows that could be written. */
  readonly rows: number;
  /** The signal ended it before the end of the file. */
  readonly interrupted: boolean;
  readonly failure: WriteFailure | undefined;
}

export interface WriteFailure {
  /** `rows`: nothing of the batch was written. `store`: some of the batch may have been. */
  readonly stage: 'rows' | 'store';
  readonly error: unknown;
  /** The batch that it belongs to, by its first and last line that were read. */
  readonly firstLine: number;
  readonly lastLine: number;
}

/** How many bad rows are named; a file of another format should not fill the screen. */
const MAX_NAMED = 10;

/**
 * Writes rows in batches. A batch with a bad row is not written at all, and nothing behind it is; all bad rows of that batch
 * are named. A trial reads on to the end and names the first ones of the whole file.
 */
export async function writeRows(records: AsyncIterable<RowRecord>, options: WriteRowsOptions): Promise<WriteOutcome> {
  const work = new RowWriter(options);
  try {
    for await (const record of records) {
      work.add(record);
      if (!work.batchIsFull()) continue;
      await work.finishBatch();
      if (options.signal?.aborted === true) return work.outcome(true);
    }
    await work.finishBatch();
    work.assertNoBadRows();
  } catch (error) {
    return work.failed(error);
  }
  return work.outcome(false);
}

class RowWriter {
  readonly #options: WriteRowsOptions;
  #done = 0;
  #batch: OnlineRow[] = [];
  #firstLine = 0;
  #lastLine = 0;
  #named: IngestError[] = [];
  #bad = 0;
  #storing = false;

  constructor(options: WriteRowsOptions) {
    this.#options = options;
  }

  add(record: RowRecord): void {
    if (this.#batch.length === 0 && this.#bad === 0) this.#firstLine = record.line;
    this.#lastLine = record.line;
    try {
      this.#batch.push(this.#options.typeRow(record));
    } catch (error) {
      if (!(error instanceof IngestError)) throw error;
      this.#bad++;
      if (this.#named.length < MAX_NAMED) this.#named.push(error);
    }
  }

  batchIsFull(): boolean {
    const { store, batchSize } = this.#options;
    return this.#batch.length + (store === undefined ? 0 : this.#bad) >= batchSize;
  }

  async finishBatch(): Promise<void> {
    const { store, table, batchTimeoutMs, newestOnly = false, onProgress } = this.#options;
    if (store !== undefined) {
      this.assertNoBadRows();
      let reported = this.#done;
      const progress = (rows: number): void => {
        reported += rows;
        onProgress?.(reported);
      };
      this.#storing = true;
      const deadline = Date.now() + batchTimeoutMs;
      if (newestOnly) await writeNewest(store, table, this.#batch, { deadline, progress });
      else await store.onlineWriteBatch(table, this.#batch, progress, { deadline });
      this.#storing = false;
    }
    this.#done += this.#batch.length;
    this.#batch = [];
    onProgress?.(this.#done);
  }

  assertNoBadRows(): void {
    if (this.#bad > 0) throw badRows(this.#named, this.#bad);
  }

  outcome(interrupted: boolean): WriteOutcome {
    return { rows: this.#done, interrupted, failure: undefined };
  }

  failed(cause: unknown): WriteOutcome {
    // Bad rows that were found already say more than what stopped the reading behind them.
    const error = this.#bad > 0 ? badRows(this.#named, this.#bad) : cause;
    const stage = this.#storing ? 'store' : 'rows';
    const failure = { stage, error, firstLine: this.#firstLine, lastLine: this.#lastLine } as const;
    return { rows: this.#done, interrupted: false, failure };
  }
}

function badRows(errors: readonly IngestError[], count: number): IngestError {
  const [first] = errors;
  if (first !== undefined && count === 1) return first;
  const lines = errors.map((error) => `  ${error.message}`);
  if (count > errors.length) lines.push(`  … and ${count - errors.length} more`);
  const hints = new Set(errors.flatMap((error) => error.hint ?? []));
  const [hint] = hints;
  return new IngestError('INGEST_BAD_ROWS', `${count} rows cannot be written:\n${lines.join('\n')}`, {
    ...(hints.size === 1 && hint !== undefined ? { hint } : {}),
  });
}
