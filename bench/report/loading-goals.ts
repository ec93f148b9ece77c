import type { Goal } from './goals.ts';
import type { LoadingReport, LoadRun, PushCall } from './loading-report.ts';
import { type RoundFigure, ratioByRound, spreadOf } from './statistics.ts';

const timesFeast = { redis: 8, sqlite: 5 } as const;
const PEAK_MB = 400;
const TIMES_READ = 2;
const storeNames = { redis: 'Redis', sqlite: 'SQLite' } as const;
export const callNames: Readonly<Record<PushCall, string>> = {
  read: 'read of one entity',
  typed: 'push of one row, typed',
  text: 'push of one row, text',
};

/** The limits on loading and pushing, and what was reached. */
export function loadingGoals(report: LoadingReport): readonly Goal[] {
  const concurrencies = [...new Set(report.pushes.map(({ concurrency }) => concurrency))];
  return [
    ...(['redis', 'sqlite'] as const).map(
      (store): Goal => ({
        what: `Rows/s of materializing into ${storeNames[store]}, as a multiple of Feast's`,
        workload: '',
        kind: 'at least',
        asked: timesFeast[store],
        reached: ratioByRound(rowsPerSecond(report, 'sideboard', store), rowsPerSecond(report, 'feast', store)),
        unit: '×',
      }),
    ),
    ...sizesOf(report).map(
      (rows): Goal => ({
        what: `Peak resident memory of materializing ${rows.toLocaleString('en-US')} rows`,
        workload: '',
        kind: 'at most',
        asked: PEAK_MB,
        reached: spreadOf(
          report.loads.filter((run) => run.program === 'sideboard' && run.rows === rows).map(({ peakMb }) => peakMb),
        ),
        unit: 'MB',
      }),
    ),
    ...concurrencies.flatMap((concurrency) =>
      (['typed', 'text'] as const).map(
        (call): Goal => ({
          what: `p50 of a ${callNames[call]}, as a multiple of a read of one entity, at concurrency ${concurrency}`,
          workload: '',
          kind: 'at most',
          asked: TIMES_READ,
          reached: ratioByRound(p50(report, call, concurrency), p50(report, 'read', concurrency)),
          unit: '×',
        }),
      ),
    ),
  ];
}

/** Rows of the loads by Sideboard, smallest first. */
export function sizesOf({ loads }: LoadingReport): readonly number[] {
  const own = loads.filter(({ program }) => program === 'sideboard').map(({ rows }) => rows);
  return [...new Set(own)].sort((a, b) => a - b);
}

/** Feast's without its start; of Sideboard, at the size that all rounds have. */
function rowsPerSecond(
  { loads, settings }: LoadingReport,
  program: LoadRun['program'],
  store: LoadRun['store'],
): readonly RoundFigure[] {
  const rows = program === 'sideboard' ? settings.rows : settings.feastRows;
  return loads
    .filter((run) => run.program === program && run.store === store && run.rows === rows)
    .map((run) => ({ round: run.round, value: loadRate(run) }));
}

export function loadRate({ rows, seconds, startSeconds }: LoadRun): number {
  return rows / (seconds - startSeconds);
}

/** Microseconds of CPU per row of the source, likewise. */
export function cpuPerRow({ rows, cpuSeconds, startCpuSeconds }: LoadRun): number {
  return ((cpuSeconds - startCpuSeconds) * 1e6) / rows;
}

function p50({ pushes }: LoadingReport, call: PushCall, concurrency: number): readonly RoundFigure[] {
  return pushes
    .filter((cell) => cell.server === 'sideboard' && cell.call === call && cell.concurrency === concurrency)
    .map(({ round, p50Ms }) => ({ round, value: p50Ms }));
}
