import { assertTimeLeft, withinLimits } from '../call-limits.ts';
import type { CallOptions, OnlineTable, TableLoad } from '../online-store.ts';
import { describeTable, validateBlockTimes } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import type { WriteBlock } from '../write-block.ts';
import { RowSpool, type SpooledRows } from './row-spool.ts';

/**
 * Writes all rows in one transaction, none older than what is stored; leaves nothing behind where it fails. Settles when it has no
 * more use for the rows, and ends soon after the caller has left.
 */
export type CommitRows = (rows: SpooledRows, options?: CallOptions) => Promise<void>;

/** Longest delay of a timer; no call waits that long. */
const NO_LIMIT = 2 ** 31 - 1;

/**
 * A load that keeps its rows on this side until it is committed. The database knows nothing of it before: no lock, no connection,
 * no table, and so nothing is left there of a load that was given up or killed. Then all rows go into one transaction, in the order
 * of their keys.
 */
export class SpooledLoad implements TableLoad {
  readonly #table: OnlineTable;
  readonly #commit: CommitRows;
  readonly #spool = new RowSpool();
  #ended = false;
  #committing: Promise<void> | undefined;

  constructor(table: OnlineTable, commit: CommitRows) {
    this.#table = table;
    this.#commit = commit;
  }

  async write(block: WriteBlock, options?: CallOptions): Promise<void> {
    this.#assertOpen(options);
    try {
      validateBlockTimes(this.#table, block);
      await this.#spool.add(block);
    } catch (error) {
      this.#ended = true;
      throw error;
    }
  }

  async commit(options?: CallOptions): Promise<void> {
    this.#assertOpen(options);
    this.#ended = true;
    this.#committing = this.#write(options);
    await withinLimits(this.#committing, options, NO_LIMIT, `loading ${describeTable(this.#table)}`);
  }

  async abort(): Promise<void> {
    this.#ended = true;
    // What is being committed uses the file.
    await this.#committing?.catch(() => {});
    await this.#spool.close();
  }

  async #write(options: CallOptions | undefined): Promise<void> {
    try {
      const rows = await this.#spool.finish();
      if (rows.rows > 0) await this.#commit(rows, options);
    } finally {
      await this.#spool.close();
    }
  }

  #assertOpen(options: CallOptions | undefined): void {
    if (this.#ended) {
      throw new StoreError('STORE_FAILED', `The load of ${describeTable(this.#table)} has ended or failed already.`, {
        hint: 'Begin a new load.',
      });
    }
    assertTimeLeft(options, `loading ${describeTable(this.#table)}`);
  }
}
