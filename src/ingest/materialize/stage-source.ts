import { join } from 'node:path';
import type { EpochUnit } from '../../encoding/timestamp.ts';
import { MaterializeError } from '../materialize-error.ts';
import { type Duckdb, isOutOfMemory, translating } from './duckdb.ts';
import { EncodedStage } from './encoded-stage.ts';
import type { LoadInterval } from './interval.ts';
import { assertColumns, type LoadPlan } from './load-plan.ts';
import { parquetRows } from './parquet-rows.ts';
import type { RejectedRow } from './rejects.ts';
import type { SourceFile, SourceFormat } from './source-file.ts';
import { fileCount, type StagedRows } from './staged-rows.ts';
import { type JudgedRow, textRows } from './text-rows.ts';
import { judgeTypedRows, sourceSql, stageTypedRows, type TypedPlan, typedPlan } from './typed-stage.ts';

export interface StageOptions {
  readonly plan: LoadPlan;
  readonly interval: LoadInterval;
  readonly format: SourceFormat;
  readonly files: readonly SourceFile[];
  readonly timestampUnit: EpochUnit | undefined;
  readonly maxBadRows: number;
  /** Whether rows had better stand in the order of their serialized keys. */
  readonly inKeyOrder: boolean;
  /** Folder in which the staged rows are to stand. */
  readonly target: string;
  readonly signal: AbortSignal;
  readonly reject: (row: RejectedRow) => Promise<void>;
  /** Told how many rows of the source were read by now. */
  readonly onRead: (rows: number) => void;
}

export interface StageOutcome extends StagedRows {
  /** Rows of the interval, and rows of which nobody can say whether they belong to it. */
  readonly read: number;
  readonly rejected: number;
}

/**
 * Reads a source and puts the newest row of each entity into a file. Every row of the interval is checked before: one that cannot
 * be loaded is told of and counts as not there.
 * @returns `undefined` when the signal came
 * @throws MaterializeError `MATERIALIZE_BAD_ROWS` when there are more of them than `maxBadRows`, all of them told of
 */
export async function stageSource(duckdb: Duckdb, options: StageOptions): Promise<StageOutcome | undefined> {
  const { plan, format, files, interval, inKeyOrder, signal } = options;
  const { connection } = duckdb;
  const stop = (): void => {
    duckdb.connection.interrupt();
    duckdb.second.interrupt();
  };
  signal.addEventListener('abort', stop);
  try {
    if (format !== 'parquet') {
      let read = 0;
      const { timestampUnit } = options;
      return await stageJudged(
        duckdb,
        textRows(plan, format, files, { interval, timestampUnit, signal, onBytes: () => {} }),
        {
          ...options,
          onRow: () => options.onRead(++read),
        },
      );
    }
    const types = await columnTypes(duckdb, plan, files);
    const typed = typedPlan(plan, types, interval, { inKeyOrder });
    if (typed === undefined) {
      let read = 0;
      const onRows = (rows: number): void => {
        read += rows;
        options.onRead(read);
      };
      return await stageJudged(
        duckdb,
        parquetRows(connection, plan, types, files, { interval, signal, onRows }),
        options,
      );
    }
    const counts = await judgeTypedRows(connection, typed, files, options.reject);
    assertFewBad(counts.bad, options);
    options.onRead(counts.read);
    const outcome = { read: counts.read, rejected: counts.bad };
    try {
      return { ...outcome, ...(await stageTyped(duckdb, typed, options)) };
    } catch (error) {
      const small = typedPlan(plan, types, interval, { small: true });
      if (signal.aborted || !isOutOfMemory(error) || small === undefined) throw error;
      await connection.run('SET threads = 1');
      return { ...outcome, ...(await stageTyped(duckdb, small, options)) };
    }
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function stageTyped(
  { connection }: Duckdb,
  typed: TypedPlan,
  { files, target }: StageOptions,
): Promise<StagedRows> {
  const targets = Array.from({ length: fileCount(typed.layout) }, (_, group) => stagedFile(target, group));
  const rows = await stageTypedRows(connection, typed, files, targets);
  return { files: targets, rows, layout: typed.layout };
}

async function stageJudged(
  { second }: Duckdb,
  rows: AsyncIterable<JudgedRow>,
  options: StageOptions & { readonly onRow?: () => void },
): Promise<StageOutcome | undefined> {
  // Chunks that were read, and what was made of them, wait for the garbage collector meanwhile.
  await second.run("SET memory_limit = '80MB'");
  const stage = new EncodedStage(second);
  let read = 0;
  let rejected = 0;
  for await (const judged of rows) {
    read++;
    options.onRow?.();
    if ('row' in judged) await stage.add(judged.row);
    else {
      rejected++;
      await options.reject(judged.rejected);
    }
  }
  if (options.signal.aborted) return undefined;
  assertFewBad(rejected, options);
  const target = stagedFile(options.target, 0);
  const staged = await stage.finish(target);
  return { files: [target], rows: staged, layout: { kind: 'encoded' }, read, rejected };
}

function stagedFile(folder: string, group: number): string {
  return join(folder, `rows-${group}.parquet`);
}

async function columnTypes(
  { connection }: Duckdb,
  plan: LoadPlan,
  files: readonly SourceFile[],
): Promise<ReadonlyMap<string, string>> {
  const names = files.map((file) => file.name).join(', ');
  const reader = await translating(
    () => connection.runAndReadAll(`DESCRIBE SELECT * FROM ${sourceSql(files)}`),
    `reading ${names.length > 200 ? `${names.slice(0, 200)}…` : names}`,
  );
  const types = new Map(reader.getRows().map(([name, type]) => [String(name), String(type)]));
  assertColumns(plan, new Set(types.keys()), files[0]?.name ?? '');
  return types;
}

function assertFewBad(bad: number, { maxBadRows, plan }: StageOptions): void {
  if (bad <= maxBadRows) return;
  throw new MaterializeError(
    'MATERIALIZE_BAD_ROWS',
    `${bad} ${bad === 1 ? 'row' : 'rows'} of view "${plan.view.name}" cannot be loaded; ${maxBadRows} may be left out. Nothing of it was written.`,
    { hint: 'The reject file names each of them and why. Correct the source, or allow more with --max-bad-rows.' },
  );
}
