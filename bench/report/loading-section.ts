import type { BenchReport } from './bench-report.ts';
import { figure, spreadText, table } from './format.ts';
import { callNames, cpuPerRow, loadRate } from './loading-goals.ts';
import type { LoadingReport, LoadRun, PushCell } from './loading-report.ts';
import { spreadOf } from './statistics.ts';

/** Below these a run says little. */
const ENOUGH = { rounds: 3, rows: 1_000_000, feastRows: 100_000, seconds: 3 };
const storeNames = { redis: 'Redis', sqlite: 'SQLite' } as const;
const programNames = { sideboard: 'Sideboard', feast: 'Feast' } as const;

/** What loading and pushing cost, with the conditions of their own run. */
export function loading({ loading: report }: BenchReport): string {
  return report === undefined ? 'Not measured in this run.' : loadingText(report);
}

export function loadingText(report: LoadingReport): string {
  return [conditions(report), loads(report), pushes(report)].filter((part) => part !== '').join('\n\n');
}

function conditions({ machine, settings, notes, pushes: cells }: LoadingReport): string {
  const { rounds, rows, feastRows, seconds, warmupSeconds } = settings;
  const isShort =
    rounds < ENOUGH.rounds || rows < ENOUGH.rows || feastRows < ENOUGH.feastRows || seconds < ENOUGH.seconds;
  const errors = cells.reduce((sum, cell) => sum + cell.errors, 0);
  return [
    ...(isShort ? ['**This was a short run: its figures are provisional.**', ''] : []),
    `${machine.date}, commit ${machine.commit}: ${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, ${machine.system}, ` +
      `Node ${machine.node}, Redis ${machine.redis}. Rounds: ${rounds}; calls measured for ${figure(seconds)} s after ` +
      `${figure(warmupSeconds)} s of warm-up; failed calls and lost rows: ${errors}. Where rounds differ, the median stands first, ` +
      'then the smallest and the largest.',
    ...notes.flatMap((note) => ['', note]),
  ].join('\n');
}

function loads({ loads: runs }: LoadingReport): string {
  const groups = groupsOf(runs, ({ store, program, rows }) => `${store} ${program} ${rows}`);
  const rows = groups.map((group) => {
    const { store, program, rows: size } = group[0];
    const spread = (of: (run: LoadRun) => number) => spreadText(spreadOf(group.map(of)));
    return [
      storeNames[store],
      programNames[program],
      size.toLocaleString('en-US'),
      `${group.length}`,
      spread(loadRate),
      spread(cpuPerRow),
      spread(({ seconds }) => seconds),
      program === 'feast' ? spread(({ startSeconds }) => startSeconds) : '',
      spread(({ peakMb }) => peakMb),
    ];
  });
  const head = [
    'into',
    '',
    'rows',
    'runs',
    'rows/s',
    'CPU per row, µs',
    'whole run, s',
    'of that start, s',
    'peak memory, MB',
  ];
  return rows.length === 0 ? '' : table(head, rows);
}

function pushes({ pushes: cells }: LoadingReport): string {
  const groups = groupsOf(cells, ({ server, call, concurrency }) => `${concurrency} ${server} ${call}`);
  const rows = groups.map((group) => {
    const { server, call, concurrency } = group[0];
    const spread = (of: (cell: PushCell) => number) => spreadText(spreadOf(group.map(of)));
    return [
      callNames[call],
      programNames[server],
      `${concurrency}`,
      spread(({ p50Ms }) => p50Ms),
      spread(({ p99Ms }) => p99Ms),
      spread(({ perSecond }) => perSecond),
    ];
  });
  return rows.length === 0 ? '' : table(['call', '', 'concurrency', 'p50, ms', 'p99, ms', 'calls/s'], rows);
}

function groupsOf<T>(values: readonly T[], keyOf: (value: T) => string): readonly (readonly [T, ...T[]])[] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group === undefined) groups.set(keyOf(value), [value]);
    else group.push(value);
  }
  return [...groups.values()];
}
