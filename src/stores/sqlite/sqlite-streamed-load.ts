import { assertTimeLeft, withinLimits } from '../call-limits.ts';
import type { CallOptions, OnlineTable, TableLoad } from '../online-store.ts';
import { describeTable, validateBlockTimes } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import type { WriteBlock } from '../write-block.ts';
import type { LoadThread } from './sqlite-load-worker.ts';
import { searchBlock, ValueSearch } from './sqlite-search.ts';
import type { SqliteWrite } from './sqlite-upsert.ts';

/** Blocks that wait for the thread at most, beside the one that it is writing. */
const MAX_WAITING = 2;
/** Longest delay of a timer; no call waits that long. */
const NO_LIMIT = 2 ** 31 - 1;

/**
 * A load whose rows a thread writes while others are being laid out, in a transaction that is open from the first row to the commit.
 * For rows in the order of their keys: in any other, writing them takes several times as long.
 */
export class StreamedLoad implements TableLoad {
  readonly #table: OnlineTable;
  readonly #thread: LoadThread;
  readonly #takeTurn: () => Promise<void>;
  readonly #search: ValueSearch;
  readonly #withNumbers: boolean;
  readonly #doing: string;
  #turn: Promise<void> | undefined;
  #ended = false;

  /** @param takeTurn called before the first row: resolves when no other load of this store is being written */
  constructor(table: OnlineTable, write: SqliteWrite, thread: LoadThread, takeTurn: () => Promise<void>) {
    this.#table = table;
    this.#thread = thread;
    this.#takeTurn = takeTurn;
    this.#search = new ValueSearch(table);
    this.#withNumbers = write.withValueNumber;
    this.#doing = `loading ${describeTable(table)}`;
  }

  async write(block: WriteBlock, options?: CallOptions): Promise<void> {
    this.#assertOpen(options);
    try {
      validateBlockTimes(this.#table, block);
      if (block.rows === 0) return;
      const search = searchBlock(this.#search, block, this.#withNumbers);
      this.#turn ??= this.#takeTurn();
      await withinLimits(this.#turn, options, NO_LIMIT, this.#doing);
      while (this.#thread.unwritten > MAX_WAITING) {
        await withinLimits(this.#thread.written(), options, NO_LIMIT, this.#doing);
      }
      this.#thread.send(block, search);
    } catch (error) {
      this.#ended = true;
      this.#thread.giveUp();
      throw error;
    }
  }

  async commit(options?: CallOptions): Promise<void> {
    this.#assertOpen(options);
    this.#ended = true;
    this.#thread.commit();
    try {
      await withinLimits(this.#thread.ended, options, NO_LIMIT, this.#doing);
    } catch (error) {
      this.#thread.giveUp();
      throw error;
    }
  }

  async abort(): Promise<void> {
    this.#ended = true;
    this.#thread.giveUp();
    await this.#thread.ended.catch(() => {});
  }

  #assertOpen(options: CallOptions | undefined): void {
    if (this.#ended) {
      throw new StoreError('STORE_FAILED', `The load of ${describeTable(this.#table)} has ended or failed already.`, {
        hint: 'Begin a new load.',
      });
    }
    assertTimeLeft(options, this.#doing);
  }
}
