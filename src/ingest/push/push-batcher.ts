import type { CallOptions, OnlineRow, OnlineStore, OnlineTable } from '../../stores/online-store.ts';
import { IngestError } from '../ingest-error.ts';
import { type BatchLimits, PendingRows, TableLane } from './table-lane.ts';

export interface PushBatcherOptions {
  readonly store: OnlineStore;
  /** What one call of the store may carry. */
  readonly batch?: BatchLimits;
  /** What may wait or be under way in the whole process; more is refused. */
  readonly pending?: BatchLimits;
}

const defaultBatchLimits: BatchLimits = { maxRows: 500, maxBytes: 1024 * 1024 };
const defaultPendingLimits: BatchLimits = { maxRows: 20_000, maxBytes: 32 * 1024 * 1024 };

/** Rows of one table. */
export interface TableRows {
  readonly table: OnlineTable;
  readonly rows: readonly OnlineRow[];
}

/**
 * Writes rows that many callers push one by one: those for a table that is being written are gathered and written together, each
 * caller with an outcome of its own.
 */
export class PushBatcher {
  readonly #store: OnlineStore;
  readonly #batch: BatchLimits;
  readonly #pending: BatchLimits;
  readonly #lanes = new Map<string, TableLane>();
  #rows = 0;
  #bytes = 0;
  readonly #release = ({ rows, bytes }: PendingRows): void => {
    this.#rows -= rows.length;
    this.#bytes -= bytes;
  };

  constructor(options: PushBatcherOptions) {
    this.#store = options.store;
    this.#batch = options.batch ?? defaultBatchLimits;
    this.#pending = options.pending ?? defaultPendingLimits;
  }

  /**
   * Resolves when all rows, or newer ones, can be read. Rows of several tables are written side by side: when it fails, those of one
   * table may be stored and those of another not. What one caller writes to a table is written in the order of its calls.
   * @param bytes what the rows of one table count for
   * @throws IngestError `INGEST_OVERLOADED`, with nothing written; `DEADLINE_EXCEEDED`
   * @throws StoreError
   */
  async write(parts: readonly TableRows[], bytes: number, call: CallOptions): Promise<void> {
    const [only] = parts;
    if (only === undefined) return;
    let rows = 0;
    for (const part of parts) rows += part.rows.length;
    this.#assertRoom(rows, bytes * parts.length);
    if (parts.length === 1) await this.#add(only, bytes, call);
    else await settled(parts.map((part) => this.#add(part, bytes, call)));
  }

  #assertRoom(rows: number, bytes: number): void {
    if (this.#hasRoom(rows, bytes)) return;
    const now = Date.now();
    for (const lane of this.#lanes.values()) lane.dropAbandoned(now);
    if (!this.#hasRoom(rows, bytes)) throw overloaded(this.#rows, this.#bytes);
  }

  /** What finds nothing before it is taken, however large. */
  #hasRoom(rows: number, bytes: number): boolean {
    const { maxRows, maxBytes } = this.#pending;
    return this.#rows === 0 || (this.#rows + rows <= maxRows && this.#bytes + bytes <= maxBytes);
  }

  #add({ table, rows }: TableRows, bytes: number, call: CallOptions): Promise<void> {
    let lane = this.#lanes.get(table.name);
    if (lane === undefined) {
      lane = new TableLane(this.#store, this.#batch);
      this.#lanes.set(table.name, lane);
    }
    const pending = new PendingRows(table, rows, bytes, call, this.#release);
    this.#rows += rows.length;
    this.#bytes += bytes;
    lane.add(pending);
    return pending.outcome;
  }
}

/** Waits for all before it fails with the first failure: what is answered is over. */
async function settled(work: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(work)) if (outcome.status === 'rejected') throw outcome.reason;
}

function overloaded(rows: number, bytes: number): IngestError {
  return new IngestError('INGEST_OVERLOADED', `${rows} pushed rows with ${bytes} bytes wait for the store already.`, {
    hint: 'Push again in a while: the store takes rows more slowly than they come.',
  });
}
