import { growthEntities, growthFeatures } from '../run/growth-sizes.ts';
import type { BenchReport } from './bench-report.ts';
import { type CellFigure, concurrenciesOf, errorsOf, spreadAt, targetsOf, workloadsOf } from './figures.ts';
import { figure, labelOf, microseconds, spreadText, table } from './format.ts';
import { type Goal, goalsOf, isReached } from './goals.ts';
import { loading } from './loading-section.ts';
import { spreadOf } from './statistics.ts';

/** Rounds and seconds below which a run says little. */
const ENOUGH = { rounds: 3, seconds: 5, entities: 10_000 };

/** The parts of a report in Markdown, by the name under which a page can show them. */
export const sections: Readonly<Record<string, (report: BenchReport) => string>> = {
  conditions,
  goals,
  cpu,
  latency,
  memory,
  growth,
  profile,
  loading,
};

function conditions(report: BenchReport): string {
  const { machine, settings } = report;
  const connections = settings.connections === 1 ? 'one connection' : `${settings.connections} connections`;
  const options = settings.serveArgs.length === 0 ? '' : ` Options of serve: \`${settings.serveArgs.join(' ')}\`.`;
  const checked = report.cells.reduce((sum, cell) => sum + cell.checked, 0);
  const errors = errorsOf(report);
  const isShort =
    settings.rounds < ENOUGH.rounds || settings.seconds < ENOUGH.seconds || settings.entities < ENOUGH.entities;
  return [
    ...(isShort ? ['**This was a short run: its figures are provisional.**', ''] : []),
    `${machine.date}, commit ${machine.commit}: ${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, ${machine.system}, ` +
      `Node ${machine.node}, Redis ${machine.redis}. Rounds: ${settings.rounds}; measured per cell: ${figure(settings.seconds)} s after ` +
      `${figure(settings.warmupSeconds)} s of warm-up; entities in the stores: ${settings.entities}; load over ${connections}; requests name ${settings.askBy === 'service' ? 'a feature service' : 'their features one by one'}.${options} ` +
      `Failed calls and wrong answers: ${errors}; answers compared: ${checked}. Where rounds differ, the median stands first, then the ` +
      'smallest and the largest.',
    ...report.notes.flatMap((note) => ['', note]),
  ].join('\n');
}

function goals(report: BenchReport): string {
  return goalTable(goalsOf(report));
}

export function goalTable(goals: readonly Goal[]): string {
  const rows = goals.map((goal) => {
    const reached = isReached(goal);
    const limit = `${goal.kind === 'at least' ? '≥' : '≤'} ${goal.asked}${goal.unit === '×' ? '×' : ` ${goal.unit}`}`;
    return [
      goal.what,
      goal.workload,
      limit,
      spreadText(goal.reached),
      reached === undefined ? 'not measured' : reached ? 'yes' : '**no**',
    ];
  });
  return table(['', 'workload', 'asked', 'reached', 'met'], rows);
}

function cpu(report: BenchReport): string {
  const concurrency = nearest(concurrenciesOf(report), 16);
  const row = (label: string, target: string, name: CellFigure, at = concurrency) => [
    label,
    ...workloadsOf(report).map((workload) =>
      spreadText(spreadAt(report, { target, workload, concurrency: at }, name), microseconds),
    ),
  ];
  const targets = targetsOf(report);
  const servers = targets.filter((target) => target !== 'redis-direct');
  const rows = [
    ...servers.map((target) => row(labelOf(target), target, 'serverCpuUs')),
    ...targets
      .filter((target) => target === 'redis-direct' || target === 'sideboard')
      .map((target) => row(`Redis itself, read by: ${labelOf(target)}`, target, 'redisCpuUs')),
    ...(targets.includes('redis-direct') && concurrency > 1 && concurrenciesOf(report).includes(1)
      ? [row('Redis itself, direct reads one at a time', 'redis-direct', 'redisCpuUs', 1)]
      : []),
  ];
  return `CPU time per request at concurrency ${concurrency}:\n\n${table(['', ...workloadsOf(report)], rows)}`;
}

function latency(report: BenchReport): string {
  const concurrencies = concurrenciesOf(report);
  const rows = workloadsOf(report).flatMap((workload) =>
    targetsOf(report).map((target) => [
      workload,
      labelOf(target),
      ...concurrencies.map((concurrency) => {
        const middle = (name: CellFigure) => spreadAt(report, { target, workload, concurrency }, name)?.median;
        return [middle('p50Ms'), middle('p95Ms'), middle('p99Ms')]
          .map((value) => figure(value ?? Number.NaN))
          .join(' / ');
      }),
      ...concurrencies
        .filter((each) => each > 1)
        .map((concurrency) =>
          figure(spreadAt(report, { target, workload, concurrency }, 'perSecond')?.median ?? Number.NaN),
        ),
    ]),
  );
  const head = [
    'workload',
    '',
    ...concurrencies.map((each) => `p50 / p95 / p99 ms, c=${each}`),
    ...concurrencies.filter((each) => each > 1).map((each) => `requests/s, c=${each}`),
  ];
  return table(head, rows);
}

function memory(report: BenchReport): string {
  const concurrency = nearest(concurrenciesOf(report), 64);
  const workloads = workloadsOf(report);
  const rows = targetsOf(report)
    .filter((target) => target !== 'redis-direct')
    .map((target) => {
      const starts = report.starts.filter((start) => start.target === target && start.workload === workloads[0]);
      const peaks = workloads.map((workload) =>
        spreadText(spreadAt(report, { target, workload, concurrency }, 'peakMb')),
      );
      return [
        labelOf(target),
        spreadText(spreadOf(starts.map(({ firstAnswerMs }) => firstAnswerMs / 1000))),
        spreadText(spreadOf(starts.map(({ idleMb }) => idleMb))),
        ...peaks,
      ];
    });
  const head = ['', 'first answer, s', 'at rest, MB', ...workloads.map((name) => `peak of ${name}, MB`)];
  return `Peaks are at concurrency ${concurrency}.\n\n${table(head, rows)}`;
}

function growth(report: BenchReport): string {
  if (report.growth.length === 0) return 'Not measured in this run.';
  const rows = growthEntities.map((entities) => [
    `${entities}`,
    ...growthFeatures.map((features) => {
      const cells = report.growth.filter((cell) => cell.entities === entities && cell.features === features);
      const perRequest = spreadOf(cells.filter(({ requests }) => requests > 0).map((cell) => cell.cpuUsPerRequest));
      if (perRequest === undefined) return '–';
      const perValue = (perRequest.median * 1000) / (entities * features);
      return `${figure(perValue)} ns (${microseconds(perRequest.median)})`;
    }),
  ]);
  const head = ['entities', ...growthFeatures.map((features) => `${features} features`)];
  return `CPU time per value, and per request in parentheses; Sideboard reading Redis:\n\n${table(head, rows)}`;
}

function profile(report: BenchReport): string {
  if (report.profiles.length === 0) return 'No profile was taken in this run.';
  const groups = [...new Set(report.profiles.flatMap((each) => each.groups.map(({ group }) => group)))];
  const busyShare = (each: BenchReport['profiles'][number], group: string) => {
    const idle = each.groups.find((entry) => entry.group === 'idle')?.share ?? 0;
    return (each.groups.find((entry) => entry.group === group)?.share ?? 0) / (1 - idle || 1);
  };
  const rows = groups
    .filter((group) => group !== 'idle')
    .map((group) => [group, ...report.profiles.map((each) => `${Math.round(busyShare(each, group) * 100)} %`)]);
  const head = ['part', ...report.profiles.map((each) => `${each.workload}, ${labelOf(each.target)}`)];
  return table(head, rows);
}

function nearest(values: readonly number[], wanted: number): number {
  return values.reduce(
    (best, each) => (Math.abs(each - wanted) < Math.abs(best - wanted) ? each : best),
    values[0] ?? wanted,
  );
}
