import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EntityKey } from '../../gen/feast/types/EntityKey_pb.ts';
import type {
  OnlineRow,
  OnlineStore,
  OnlineTable,
  ReadOptions,
  StoreChange,
  StoreContext,
} from '../stores/online-store.ts';
import { configFor, type OnlineStoreTestOptions, type StoreConfig } from './options.ts';
import { type PlainRow, plainRow } from './rows.ts';
import type { TableShape } from './tables.ts';

// Names of projects end up in names of tables, which some databases keep short. Runs may share a database.
const run = Math.floor(Math.random() * 36 ** 5).toString(36);
let tests = 0;

/** A store under test and what it writes with: the same one, unless another system does the writing. */
export interface StorePair {
  readonly store: OnlineStore;
  readonly writer: OnlineStore;
}

/** What one test works on: a project that nobody has used, a store that is open, and what was applied so far. */
export class StoreFixture implements StorePair {
  readonly store: OnlineStore;
  readonly writer: OnlineStore;
  readonly context: StoreContext;
  readonly #options: OnlineStoreTestOptions<object>;
  readonly #applied: OnlineTable[] = [];
  readonly #opened: OnlineStore[];

  private constructor(options: OnlineStoreTestOptions<object>, context: StoreContext, pair: StorePair) {
    this.#options = options;
    this.context = context;
    this.store = pair.store;
    this.writer = pair.writer;
    this.#opened = [pair.store, pair.writer];
  }

  /** @param config another configuration than that of the options */
  static async open(
    options: OnlineStoreTestOptions<object>,
    config: StoreConfig<object> = options.config,
  ): Promise<StoreFixture> {
    await options.reset?.();
    tests += 1;
    const repoPath = mkdtempSync(join(tmpdir(), 'sideboard-conformance-'));
    const context: StoreContext = { project: `conf_${run}_${tests}`, repoPath, warn: () => {} };
    return new StoreFixture(options, context, await openPair(options, config, context));
  }

  /** Another store on the same storage: of the same project, or of another. */
  async another(project = this.context.project): Promise<StorePair> {
    const pair = await openPair(this.#options, this.#options.config, { ...this.context, project });
    this.#opened.push(pair.store, pair.writer);
    return pair;
  }

  /** Views as tables of the test's project. */
  table(shape: TableShape, project = this.context.project): OnlineTable {
    return { ...shape, project };
  }

  /** Applies views, beside what was applied before, and gives them as tables. */
  async applied<const Shapes extends readonly TableShape[]>(
    ...shapes: Shapes
  ): Promise<{ readonly [Index in keyof Shapes]: OnlineTable }> {
    const tables = shapes.map((shape) => this.table(shape));
    await this.apply(tables);
    return tables as unknown as { readonly [Index in keyof Shapes]: OnlineTable };
  }

  async apply(tables: readonly OnlineTable[], writer = this.writer): Promise<void> {
    this.#applied.push(...tables);
    await writer.update(changeOf({ tablesToKeep: tables }));
  }

  write(table: OnlineTable, rows: readonly OnlineRow[]): Promise<void> {
    return this.writer.onlineWriteBatch(table, rows);
  }

  async read(
    table: OnlineTable,
    keys: readonly EntityKey[],
    features?: readonly string[],
    options?: ReadOptions,
  ): Promise<(PlainRow | undefined)[]> {
    return readPlain(this.store, table, keys, features, options);
  }

  /** Removes what the test applied and closes what it opened. Says nothing of failures: tests of these things do. */
  async end(): Promise<void> {
    await this.#removeApplied().catch(() => {});
    await Promise.allSettled(this.#opened.map((store) => store.close()));
    rmSync(this.context.repoPath, { recursive: true, force: true, maxRetries: 3 });
  }

  async #removeApplied(): Promise<void> {
    if (this.#applied.length === 0 || this.#options.reset !== undefined) return;
    // A store of its own: the test may have closed the other, or left it in a state in which it fails.
    const { writer } = await this.another();
    await writer.teardown(this.#applied, [], { deadline: Date.now() + 10_000 });
  }
}

export function changeOf(change: Partial<StoreChange>): StoreChange {
  return { tablesToKeep: [], tablesToDelete: [], entitiesToKeep: [], entitiesToDelete: [], partial: true, ...change };
}

export async function readPlain(
  store: OnlineStore,
  table: OnlineTable,
  keys: readonly EntityKey[],
  features?: readonly string[],
  options?: ReadOptions,
): Promise<(PlainRow | undefined)[]> {
  return (await store.onlineRead(table, keys, features, options)).map((row) => row && plainRow(row));
}

async function openPair(
  options: OnlineStoreTestOptions<object>,
  from: StoreConfig<object>,
  context: StoreContext,
): Promise<StorePair> {
  const config = await configFor(from, context);
  const store = await options.create(config, context);
  return { store, writer: options.writer === undefined ? store : await options.writer(config, context) };
}
