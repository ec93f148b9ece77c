import { SideboardError } from '../../errors.ts';
import type { CallOptions, OnlineRow, OnlineStore, OnlineTable } from '../../stores/online-store.ts';
import { IngestError } from '../ingest-error.ts';
import { writeNewest } from '../write-newest.ts';

/** What one call of the store may carry. */
export interface BatchLimits {
  readonly maxRows: number;
  readonly maxBytes: number;
}

/** How often those who wait are looked at for deadlines that have passed. */
const LOOK_MS = 10;

/** Rows of one caller for one table, until they are written or refused. */
export class PendingRows {
  readonly table: OnlineTable;
  readonly rows: readonly OnlineRow[];
  /** What they count for. */
  readonly bytes: number;
  readonly call: CallOptions;
  readonly outcome: Promise<void>;
  readonly #onSettled: (rows: PendingRows) => void;
  isSettled = false;
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};

  /** @param onSettled told when they count no longer */
  constructor(
    table: OnlineTable,
    rows: readonly OnlineRow[],
    bytes: number,
    call: CallOptions,
    onSettled: (rows: PendingRows) => void,
  ) {
    this.#onSettled = onSettled;
    this.table = table;
    this.rows = rows;
    this.bytes = bytes;
    this.call = call;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  isLate(now: number): boolean {
    return this.call.deadline !== undefined && this.call.deadline <= now;
  }

  hasLeft(): boolean {
    return this.call.cancelled ?? this.call.signal?.aborted === true;
  }

  written(): void {
    this.#settle();
    this.#resolve();
  }

  failed(error: unknown): void {
    this.#settle();
    this.#reject(error);
  }

  #settle(): void {
    this.isSettled = true;
    this.#onSettled(this);
  }
}

/**
 * The way of pushed rows into one table: one call of the store at a time. Rows that come while one is under way are written together
 * behind it, in the order in which they came; rows that find the way free are written at the end of the turn, with all that have
 * come by then.
 */
export class TableLane {
  readonly #store: OnlineStore;
  readonly #limits: BatchLimits;
  #waiting: PendingRows[] = [];
  /** Being written. */
  #batch: readonly PendingRows[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(store: OnlineStore, limits: BatchLimits) {
    this.#store = store;
    this.#limits = limits;
  }

  get isIdle(): boolean {
    return this.#batch.length === 0 && this.#waiting.length === 0;
  }

  add(rows: PendingRows): void {
    const isFree = this.isIdle;
    this.#waiting.push(rows);
    if (isFree) setImmediate(() => void this.#run());
    else this.#watch();
  }

  /** Refuses those who wait no longer, although their turn has not come. */
  dropAbandoned(now: number): void {
    this.#waiting = this.#waiting.filter((rows) => !this.#isDropped(rows, now));
  }

  async #run(): Promise<void> {
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) {
      this.#batch = batch;
      if (batch.length > 1) this.#watch();
      await this.#write(batch);
    }
    this.#batch = [];
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The next rows of one table and schema, as many as a call of the store may carry, but never none. */
  #take(): readonly PendingRows[] {
    const now = Date.now();
    const batch: PendingRows[] = [];
    let rows = 0;
    let bytes = 0;
    let taken = 0;
    for (const next of this.#waiting) {
      if (!this.#isDropped(next, now)) {
        const [first] = batch;
        const isFull = rows + next.rows.length > this.#limits.maxRows || bytes + next.bytes > this.#limits.maxBytes;
        if (first !== undefined && (isFull || next.table !== first.table)) break;
        batch.push(next);
        rows += next.rows.length;
        bytes += next.bytes;
      }
      taken++;
    }
    this.#waiting.splice(0, taken);
    return batch;
  }

  #isDropped(rows: PendingRows, now: number): boolean {
    if (rows.isSettled) return true;
    if (rows.hasLeft()) rows.failed(gone('The caller went away before its rows were written.'));
    else if (rows.isLate(now)) rows.failed(gone("The caller's deadline passed before its rows were written."));
    return rows.isSettled;
  }

  async #write(batch: readonly PendingRows[]): Promise<void> {
    try {
      await this.#call(batch);
      for (const rows of batch) if (!rows.isSettled) rows.written();
    } catch (error) {
      // A row that the store cannot hold is its caller's affair alone.
      if (batch.length > 1 && error instanceof SideboardError && error.kind === 'invalid_argument') {
        for (const rows of batch) if (!this.#isDropped(rows, Date.now())) await this.#write([rows]);
      } else for (const rows of batch) if (!rows.isSettled) rows.failed(error);
    }
  }

  /** As long as one of the callers waits; nobody's leaving ends what others wait for. */
  #call(batch: readonly PendingRows[]): Promise<void> {
    const [first] = batch;
    if (first === undefined) return Promise.resolve();
    let deadline = first.call.deadline;
    for (const { call } of batch) {
      deadline = deadline === undefined || call.deadline === undefined ? undefined : Math.max(deadline, call.deadline);
    }
    const rows = batch.length === 1 ? first.rows : batch.flatMap((each) => each.rows);
    return writeNewest(this.#store, first.table, rows, deadline === undefined ? {} : { deadline });
  }

  /** One timer for all who wait: a call alone needs none, the store keeps its deadline. */
  #watch(): void {
    this.#timer ??= setInterval(() => {
      const now = Date.now();
      this.dropAbandoned(now);
      for (const rows of this.#batch) {
        if (!rows.isSettled && rows.isLate(now)) {
          rows.failed(gone("The caller's deadline passed while its rows were written: they may be stored or not."));
        }
      }
    }, LOOK_MS);
  }
}

function gone(message: string): IngestError {
  return new IngestError('DEADLINE_EXCEEDED', message, { hint: 'Give the call more time.' });
}
