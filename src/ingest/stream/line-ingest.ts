import { setImmediate as turn } from 'node:timers/promises';
import type { ExactJson } from '../../encoding/value-json.ts';
import type { OnlineRow, OnlineStore, OnlineTable } from '../../stores/online-store.ts';
import { keysFromRows } from '../../stores/row-objects.ts';
import type { StoreError } from '../../stores/store-error.ts';
import { type EntityTurn, EntityTurns } from '../entity-turns.ts';
import type { IngestError } from '../ingest-error.ts';
import type { RawLine } from '../text-lines.ts';
import { writeNewest } from '../write-newest.ts';
import { inOrder } from './in-order.ts';
import { type LineBatchOptions, lineBatches } from './line-batches.ts';
import type { TypedLine } from './line-typer.ts';
import { withRetries } from './with-retries.ts';

export interface LineIngestOptions extends Omit<LineBatchOptions, 'maxBytes'> {
  readonly store: OnlineStore;
  readonly typeLine: (raw: RawLine) => TypedLine;
  /** Batches that are worked on at a time. */
  readonly batchesInFlight: number;
  /** How long the store may take for one attempt at a batch, in milliseconds. */
  readonly batchTimeoutMs: number;
  /** How long a batch is tried again while the store does not answer, in milliseconds. */
  readonly giveUpAfterMs: number;
  /** How many bad lines are left out; one more ends the work. */
  readonly maxBadRows: number;
  /** Called with lines that are stored, or left out, batch by batch in their order; the next batch waits for it. */
  readonly onStored: (lines: readonly TypedLine[]) => Promise<void>;
  /** Told of the bad lines that are left out before `onStored` is. */
  readonly onRejected: (lines: readonly RejectedLine[]) => Promise<void>;
  /** Told of a store that does not answer, each time that it is tried again. */
  readonly onStoreFailure: (error: StoreError) => void;
}

export interface RejectedLine extends TypedLine {
  readonly error: IngestError;
}

/** Text of a batch's lines that is held at most, in bytes, unless one line has more. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/** Lines that are typed and not yet stored. */
interface LinesUnderway {
  readonly lines: readonly TypedLine[];
  readonly rejected: readonly RejectedLine[];
  readonly rows: ReadonlyMap<OnlineTable, OnlineRow[]>;
  readonly turn: EntityTurn;
  /** The bad line behind these that ends the work. */
  readonly fatal: IngestError | undefined;
}

/**
 * Writes the lines of a stream. Several batches are under way at a time; what happens to lines is told in their order. The rows of one
 * entity are written in the order of their lines.
 * @throws IngestError for the bad line that is one too many, StoreError when the store is given up: behind `onStored` for everything
 * before it that is stored
 */
export async function ingestLines(input: AsyncIterable<Uint8Array>, options: LineIngestOptions): Promise<void> {
  const work = new LineIngest(options);
  await inOrder(work.batches(input), {
    atOnce: options.batchesInFlight,
    begin: (lines) => work.begin(lines),
    finish: (lines) => work.finish(lines),
  });
}

class LineIngest {
  readonly #options: LineIngestOptions;
  readonly #turns = new EntityTurns();
  #bad = 0;
  #isOver = false;

  constructor(options: LineIngestOptions) {
    this.#options = options;
  }

  async *batches(input: AsyncIterable<Uint8Array>): AsyncGenerator<readonly RawLine[]> {
    for await (const lines of lineBatches(input, { ...this.#options, maxBytes: MAX_BATCH_BYTES })) {
      if (this.#isOver) return;
      yield lines;
      // A store that writes without waiting must not keep signals unheard.
      await turn();
    }
  }

  /** Types the lines at once, so that batches take their turns in their order, and writes them. */
  begin(raw: readonly RawLine[]): Promise<LinesUnderway> {
    try {
      return this.#write(this.#typed(raw));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async finish({ lines, rejected, fatal }: LinesUnderway): Promise<void> {
    if (rejected.length > 0) await this.#options.onRejected(rejected);
    if (lines.length > 0) await this.#options.onStored(lines);
    if (fatal !== undefined) throw fatal;
  }

  #typed(raw: readonly RawLine[]): LinesUnderway {
    const lines: TypedLine[] = [];
    const rejected: RejectedLine[] = [];
    const rows = new Map<OnlineTable, OnlineRow[]>();
    let fatal: IngestError | undefined;
    for (const each of raw) {
      const typed = this.#options.typeLine(each);
      const { row, error } = typed;
      if (error !== undefined) {
        this.#bad++;
        if (this.#bad > this.#options.maxBadRows) {
          this.#isOver = true;
          fatal = error;
          break;
        }
        rejected.push({ ...typed, error });
      } else if (row !== undefined) {
        const others = rows.get(row.table);
        if (others === undefined) rows.set(row.table, [row.row]);
        else others.push(row.row);
      }
      lines.push(typed);
    }
    return { lines, rejected, rows, turn: this.#turns.take(new Set(idsOf(rows))), fatal };
  }

  async #write(lines: LinesUnderway): Promise<LinesUnderway> {
    const { store, batchTimeoutMs, giveUpAfterMs, onStoreFailure } = this.#options;
    await lines.turn.come;
    try {
      for (const [table, rows] of lines.rows) {
        await withRetries(() => writeNewest(store, table, rows, { deadline: Date.now() + batchTimeoutMs }), {
          giveUpAfterMs,
          onFailure: onStoreFailure,
        });
      }
    } finally {
      lines.turn.end();
    }
    return lines;
  }
}

function* idsOf(rows: ReadonlyMap<OnlineTable, readonly OnlineRow[]>): Generator<string> {
  for (const [table, each] of rows) {
    for (const key of keysFromRows(table, each)) yield `${table.name}/${Buffer.from(key).toString('latin1')}`;
  }
}

/** JSON as it was read: whole numbers keep all their digits. */
export function exactJsonText(value: ExactJson): string {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map((each) => exactJsonText(each)).join(',')}]`;
  if (value instanceof Map) {
    return `{${[...value].map(([name, each]) => `${JSON.stringify(name)}:${exactJsonText(each)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
