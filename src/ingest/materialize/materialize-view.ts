import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { deserializeEntityKey } from '../../encoding/entity-key.ts';
import type { EpochUnit } from '../../encoding/timestamp.ts';
import type { FeatureViewSpec } from '../../registry/registry-snapshot.ts';
import type { OnlineStore, OnlineTable } from '../../stores/online-store.ts';
import { WriteBlock } from '../../stores/write-block.ts';
import { createBlockFiller } from './block-filler.ts';
import { type Duckdb, openDuckdb, translating } from './duckdb.ts';
import { compare, type LoadInterval } from './interval.ts';
import { type LoadPlan, loadPlan } from './load-plan.ts';
import type { RejectFile } from './rejects.ts';
import { type Journal, RunState } from './run-state.ts';
import type { SourceFiles } from './source-file.ts';
import { findSourceFiles } from './source-files.ts';
import { stageSource } from './stage-source.ts';
import { type StagedRows, stagedSql } from './staged-rows.ts';
import type { ViewSource } from './view-source.ts';
import { loadsAtOnce, writeStagedRows } from './write-staged.ts';

export interface MaterializeViewOptions {
  readonly store: OnlineStore;
  readonly table: OnlineTable;
  readonly view: FeatureViewSpec;
  readonly source: ViewSource;
  readonly interval: LoadInterval;
  /** Names the interval where its start depends on the clock: a run that is begun again keeps the start that it had. */
  readonly intervalKey?: string;
  /** What else the staged rows and their place depend on: the store's settings. Another text is another run. */
  readonly target: string;
  readonly repoPath: string;
  readonly stateFolder: string;
  readonly rejects: RejectFile;
  readonly maxBadRows: number;
  readonly batchSize: number;
  readonly batchTimeoutMs: number;
  readonly timestampUnit: EpochUnit | undefined;
  /** Reads and checks, and writes nothing. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  readonly progress: ViewProgress;
  /** Called when all rows are stored, before the run is forgotten. */
  readonly record: (interval: LoadInterval) => Promise<void>;
}

export interface ViewProgress {
  /** Rows of the source that were read by now. */
  read(rows: number): void;
  /** Rows that are to be written. */
  total(rows: number): void;
  /** Of these, rows that are stored by now. */
  stored(rows: number): void;
  /** The store has got all rows, and makes them visible. */
  sent(): void;
}

export interface ViewOutcome {
  readonly read: number;
  /** Newest rows: one for each entity. */
  readonly latest: number;
  readonly stored: number;
  readonly rejected: number;
  /** Rows that an earlier run had stored already. */
  readonly resumed: number;
  readonly interrupted: boolean;
}

/** A journal is written at most so often. */
const JOURNAL_MS = 250;
/** Rows that are looked for in the store before a run goes on behind them. */
const PROBES = 16;

/**
 * Loads the newest row of each entity of an interval from the view's source into the store.
 *
 * First all of the interval is read, checked and sorted out into a file; then that is written. So nothing is written of a view
 * whose source turns out to be bad, and a run that was killed goes on where it stood.
 * @throws MaterializeError, IngestError, StoreError
 */
export async function materializeView(options: MaterializeViewOptions): Promise<ViewOutcome> {
  const { view, table, source, stateFolder } = options;
  const plan = loadPlan(view, source);
  const state = await RunState.open(stateFolder, table.project, table.name);
  let complete = false;
  try {
    const downloadFolder = join(state.scratchFolder, 'source');
    const files = await findSourceFiles(source, { repoPath: options.repoPath, downloadFolder });
    const outcome = await run(plan, files, state, options);
    complete = !outcome.interrupted;
    return outcome;
  } finally {
    if (complete) await state.remove();
    else await state.release();
  }
}

async function run(
  plan: LoadPlan,
  files: SourceFiles,
  state: RunState,
  options: MaterializeViewOptions,
): Promise<ViewOutcome> {
  const { store, progress, dryRun } = options;
  const key = runKey(plan, files, options);
  const earlier = await state.journal(key);
  if (earlier === undefined) await state.clear();
  if (earlier !== undefined && earlier.rejected > 0) options.rejects.keepEarlier();
  const tempFolder = join(state.scratchFolder, 'duckdb');
  let seen = 0;
  const onRead = (rows: number): void => {
    seen = rows;
    progress.read(rows);
  };
  const journal = earlier ?? (await stageAnew(tempFolder, plan, files, state, key, { ...options, onRead }));
  if (journal === undefined) return { read: seen, latest: 0, stored: 0, rejected: 0, resumed: 0, interrupted: true };
  const { rows, read, rejected } = journal;
  const staged: StagedRows = { files: state.stagedFiles(journal.layout), rows, layout: journal.layout };
  progress.read(read);
  progress.total(rows);
  const counted = { read, latest: rows, rejected };
  if (dryRun) return { ...counted, stored: 0, resumed: 0, interrupted: false };
  const skip = loadsAtOnce(store) ? 0 : await storedAlready(tempFolder, plan, staged, journal.stored, options);
  let stored = skip;
  let saved = performance.now();
  let saving: Promise<void> | undefined;
  const complete = await writeStagedRows(tempFolder, staged, {
    ...options,
    plan,
    skip,
    onSent: () => progress.sent(),
    onStored(count) {
      stored = count;
      progress.stored(count);
      // Behind the time by one writing at most: what is not in it is written again.
      if (loadsAtOnce(store) || saving !== undefined || performance.now() - saved < JOURNAL_MS) return;
      saved = performance.now();
      saving = state.save({ ...journal, stored: count }).finally(() => {
        saving = undefined;
      });
      saving.catch(() => {});
    },
  }).finally(() => saving?.catch(() => {}));
  if (!complete) {
    if (!loadsAtOnce(store)) await state.save({ ...journal, stored });
    return { ...counted, stored: loadsAtOnce(store) ? 0 : stored, resumed: skip, interrupted: true };
  }
  await options.record(journal.interval);
  return { ...counted, stored: rows, resumed: skip, interrupted: false };
}

interface StagingOptions extends MaterializeViewOptions {
  /** Told how many rows of the source were read by now. */
  readonly onRead: (rows: number) => void;
}

async function stageAnew(
  tempFolder: string,
  plan: LoadPlan,
  files: SourceFiles,
  state: RunState,
  key: string,
  options: StagingOptions,
): Promise<Journal | undefined> {
  const duckdb = await openDuckdb(tempFolder, 'sorting');
  try {
    return await stage(duckdb, plan, files, state, key, options);
  } finally {
    duckdb.close();
  }
}

async function stage(
  duckdb: Duckdb,
  plan: LoadPlan,
  files: SourceFiles,
  state: RunState,
  key: string,
  options: StagingOptions,
): Promise<Journal | undefined> {
  const { interval, signal, rejects, view } = options;
  const outcome = await stageSource(duckdb, {
    plan,
    interval,
    format: files.format,
    files: await files.open(signal),
    timestampUnit: options.timestampUnit,
    maxBadRows: options.maxBadRows,
    inKeyOrder: options.store.capabilities.keyOrderLoads === true,
    target: state.scratchFolder,
    signal,
    reject: (row) => rejects.add(view.name, row),
    onRead: options.onRead,
  });
  if (outcome === undefined) return undefined;
  const { rows, read, rejected, layout } = outcome;
  const journal: Journal = { key, interval, rows, read, rejected, layout, stored: 0 };
  await state.keep(outcome.files, journal);
  return journal;
}

/** Everything that the staged rows, and the rows that count as stored, depend on. */
function runKey({ view, ...plan }: LoadPlan, files: SourceFiles, options: MaterializeViewOptions): string {
  const { table, target, timestampUnit, maxBadRows } = options;
  const interval = options.intervalKey ?? options.interval;
  const joinKeys = view.joinKeys.map((key) => [key.name, key.valueType]);
  const parts = [FORMAT, plan, joinKeys, table, interval, files.fingerprint, target, timestampUnit, maxBadRows];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** Of the staged file and its journal. */
const FORMAT = 2;

/**
 * How many rows of the staged file need not be written again: those that the journal names, if the store still has what a sample
 * of them says. A store may have lost what it had, or be another one behind the same address.
 */
async function storedAlready(
  tempFolder: string,
  plan: LoadPlan,
  staged: StagedRows,
  stored: number,
  { store, table, batchTimeoutMs }: MaterializeViewOptions,
): Promise<number> {
  if (stored === 0 || store.capabilities.eventTimes === false) return 0;
  const rows = Array.from({ length: PROBES }, (_, probe) => Math.floor(((stored - 1) * probe) / (PROBES - 1)));
  const filler = createBlockFiller(plan, staged.layout);
  const block = new WriteBlock(
    plan.features.map((feature) => feature.name),
    PROBES,
  );
  const wanted = [...new Set(rows)].join(', ');
  const sql = `${stagedSql(staged, filler.columns)} WHERE staged_row IN (${wanted})`;
  const duckdb = await openDuckdb(tempFolder, 'reading');
  try {
    const result = await translating(() => duckdb.connection.stream(sql));
    for (;;) {
      const chunk = await translating(() => result.fetchChunk());
      if (chunk === null || chunk.rowCount === 0) break;
      filler.begin(chunk);
      for (let row = 0; row < chunk.rowCount; row++) filler.append(row, block);
    }
  } finally {
    duckdb.close();
  }
  const keys = Array.from({ length: block.rows }, (_, row) => deserializeEntityKey(block.keyAt(row)));
  const found = await store.onlineRead(table, keys, undefined, { deadline: Date.now() + batchTimeoutMs });
  const isThere = (row: number): boolean => {
    const time = found[row]?.eventTimestamp;
    // Some storage keeps whole seconds.
    return time !== undefined && compare(time, { seconds: block.timestampAt(row).seconds, nanos: 0 }) >= 0;
  };
  return keys.length > 0 && keys.every((_, row) => isThere(row)) ? stored : 0;
}
