import type { DuckDBConnection } from '@duckdb/node-api';
import type { OnlineStore, OnlineTable, WriteOptions } from '../../stores/online-store.ts';
import { WriteBlock } from '../../stores/write-block.ts';
import { rowsFromWriteBlock } from '../../stores/write-block-rows.ts';
import { writeNewest } from '../write-newest.ts';
import { createBlockFiller } from './block-filler.ts';
import { openDuckdb, translating } from './duckdb.ts';
import type { LoadPlan } from './load-plan.ts';
import { type StagedRows, stagedSql } from './staged-rows.ts';

export interface WriteStagedOptions {
  readonly store: OnlineStore;
  readonly table: OnlineTable;
  readonly plan: LoadPlan;
  /** Rows of one block. */
  readonly batchSize: number;
  /** How long the store may take for one block, in milliseconds. */
  readonly batchTimeoutMs: number;
  /** Rows of the file that are stored already: it goes on behind them. Of use only where rows become visible as they come. */
  readonly skip: number;
  readonly signal: AbortSignal;
  /** Told how many rows from the beginning of the file are stored for certain. */
  readonly onStored: (rows: number) => void;
  /** Told when the store has got all rows, and may have to make them visible yet. */
  readonly onSent?: () => void;
}

/** Blocks that are on their way at a time: the store works while the next one is laid out. */
const IN_FLIGHT = 4;
/** Loads with fewer values are over at once: it is not worth while to write them while they are read. */
const MIN_VALUES_AS_THEY_COME = 20_000;
/** A block is full with so many bytes, however few rows: wide rows must not cost memory without bound. */
const MAX_BLOCK_BYTES = 2 * 1024 * 1024;

/**
 * Writes staged rows, in their order. Where the store can, readers see all of them at once; otherwise no older row takes
 * the place of a newer one.
 * @param tempFolder for DuckDB, which reads them
 * @returns whether the end was reached; otherwise the signal came
 */
export async function writeStagedRows(
  tempFolder: string,
  staged: StagedRows,
  options: WriteStagedOptions,
): Promise<boolean> {
  const sink = await openSink(staged, options);
  try {
    // Closed before the store, which may have much to do now, takes memory of its own.
    const duckdb = await openDuckdb(tempFolder, 'reading');
    let complete = false;
    try {
      complete = await pumpRows(duckdb.connection, staged, options, sink);
    } finally {
      duckdb.close();
    }
    if (!complete) return false;
    options.onSent?.();
    await sink.finish();
    return complete;
  } finally {
    await sink.close();
  }
}

/** Whether a load of a store becomes visible as a whole: then there is no half of one to go on from. */
export function loadsAtOnce(store: OnlineStore): boolean {
  return store.capabilities.atomicLoads === true;
}

interface Sink {
  /** Resolves when the block may be used again. */
  write(block: WriteBlock): Promise<void>;
  readonly atATime: number;
  finish(): Promise<void>;
  close(): Promise<void>;
}

async function openSink(staged: StagedRows, options: WriteStagedOptions): Promise<Sink> {
  const { store, table, batchTimeoutMs } = options;
  const { capabilities } = store;
  const call = (): WriteOptions => ({ deadline: Date.now() + batchTimeoutMs });
  const nothing = async (): Promise<void> => {};
  if (capabilities.atomicLoads === true && store.beginLoad !== undefined) {
    const { rows, layout } = staged;
    const isLarge = rows * options.plan.features.length > MIN_VALUES_AS_THEY_COME;
    const inKeyOrder = capabilities.keyOrderLoads === true && layout.kind === 'typed' && layout.inKeyOrder && isLarge;
    const load = await store.beginLoad(table, { ...call(), ...(inKeyOrder && { inKeyOrder }) });
    return {
      atATime: 1,
      write: (block) => load.write(block, call()),
      // All rows move at once: for many of them that takes longer than a block does.
      finish: () => load.commit({ deadline: Date.now() + Math.max(batchTimeoutMs, COMMIT_LIMIT_MS) }),
      close: () => load.abort(),
    };
  }
  const { newestOnly = false, keepsNewest } = capabilities;
  if (capabilities.blockWrites === true && store.writeBlock !== undefined && (newestOnly || keepsNewest)) {
    const writeBlock = store.writeBlock.bind(store);
    return {
      atATime: IN_FLIGHT,
      write: (block) => writeBlock(table, block, newestOnly ? { ...call(), newestOnly } : call()),
      finish: nothing,
      close: nothing,
    };
  }
  return {
    atATime: IN_FLIGHT,
    write: (block) => writeNewest(store, table, rowsFromWriteBlock(block), call()),
    finish: nothing,
    close: nothing,
  };
}

/** An hour: moving a whole load is one step of the store's, however large. */
const COMMIT_LIMIT_MS = 3_600_000;

async function pumpRows(
  connection: DuckDBConnection,
  staged: StagedRows,
  { plan, table, batchSize, skip, signal, onStored }: WriteStagedOptions,
  sink: Sink,
): Promise<boolean> {
  const features = plan.features.map((feature) => feature.name);
  const capacity = Math.max(1, Math.min(batchSize, staged.rows));
  const pump = new BlockPump(sink, () => new WriteBlock(features, capacity), skip, onStored);
  const filler = createBlockFiller(plan, staged.layout);
  // One thread reads row group by row group, in the order of the file.
  await connection.run('SET preserve_insertion_order = true');
  const sql = `${stagedSql(staged, filler.columns)} WHERE staged_row >= ${skip}`;
  const result = await translating(() => connection.stream(sql), `reading the staged rows of ${table.name}`);
  try {
    for (;;) {
      const chunk = await translating(() => result.fetchChunk(), `reading the staged rows of ${table.name}`);
      if (chunk === null || chunk.rowCount === 0) break;
      filler.begin(chunk);
      const { rowCount } = chunk;
      for (let row = 0; row < rowCount; row++) {
        filler.append(row, pump.block);
        if (pump.block.isFull || pump.block.out.pos >= MAX_BLOCK_BYTES) {
          if (signal.aborted) return false;
          await pump.send();
        }
      }
    }
    if (signal.aborted) return false;
    await pump.send();
    return true;
  } finally {
    await pump.settle();
  }
}

/** Sends blocks, some at a time, and uses them again. */
class BlockPump {
  block: WriteBlock;
  readonly #sink: Sink;
  readonly #create: () => WriteBlock;
  readonly #onStored: (rows: number) => void;
  readonly #free: WriteBlock[] = [];
  readonly #running = new Set<Promise<void>>();
  /** Rows of the blocks in the order in which they were sent, from the first that is not stored for certain. */
  readonly #order: { readonly rows: number; done: boolean }[] = [];
  #stored: number;
  #failure: { readonly error: unknown } | undefined;

  constructor(sink: Sink, create: () => WriteBlock, stored: number, onStored: (rows: number) => void) {
    this.#sink = sink;
    this.#create = create;
    this.#stored = stored;
    this.#onStored = onStored;
    this.block = create();
  }

  /** Sends the block, if it has rows, and waits until another one may be filled. @throws what a block failed with */
  async send(): Promise<void> {
    if (this.block.rows > 0) {
      const sending = this.#write(this.block).finally(() => this.#running.delete(sending));
      this.#running.add(sending);
      while (this.#running.size >= this.#sink.atATime && this.#failure === undefined) await Promise.race(this.#running);
      this.block = this.#free.pop() ?? this.#create();
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Waits for what is on its way. @throws what a block failed with */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #write(block: WriteBlock): Promise<void> {
    const entry = { rows: block.rows, done: false };
    this.#order.push(entry);
    try {
      await this.#sink.write(block);
      entry.done = true;
      block.clear();
      this.#free.push(block);
      let stored = this.#stored;
      while (this.#order[0]?.done === true) stored += this.#order.shift()?.rows ?? 0;
      if (stored === this.#stored) return;
      this.#stored = stored;
      this.#onStored(stored);
    } catch (error) {
      this.#failure ??= { error };
    }
  }
}
