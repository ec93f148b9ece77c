import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadingOptions } from '../../bench/loading/loading-context.ts';
import { entitiesOf, riderOf } from '../../bench/loading/ride-data.ts';
import { runLoading } from '../../bench/loading/run-loading.ts';
import { nodeEntry } from '../../bench/node-entry.ts';
import type { BenchReport } from '../../bench/report/bench-report.ts';
import { goalsOf, isReached } from '../../bench/report/goals.ts';
import { loadingGoals } from '../../bench/report/loading-goals.ts';
import type { LoadingReport, LoadRun } from '../../bench/report/loading-report.ts';
import { markdownFromLoading, markdownFromReport } from '../../bench/report/markdown.ts';
import { mergeReports } from '../../bench/report/merge-reports.ts';
import { benchOptionsFromArgs } from '../../bench/run/bench-options.ts';
import { programOf } from '../../bench/run/bench-targets.ts';
import { projectRoot } from '../support/project-root.ts';

const load = (round: number, part: Partial<LoadRun>): LoadRun => ({
  round,
  program: 'sideboard',
  store: 'redis',
  rows: 1000,
  entities: 900,
  seconds: 1,
  startSeconds: 0,
  cpuSeconds: 1,
  startCpuSeconds: 0,
  peakMb: 100,
  ...part,
});

const machine = {
  cpu: 'any',
  cores: 2,
  memoryGb: 8,
  system: 'any',
  node: 'any',
  redis: 'any',
  commit: 'any',
  date: 'any',
};
const settings = { rounds: 2, rows: 1000, feastRows: 100, largeRows: 5000, seconds: 1, warmupSeconds: 1 };
const call = { server: 'sideboard', concurrency: 1, requests: 10, perSecond: 10, p99Ms: 9, errors: 0 } as const;
const measured: LoadingReport = {
  machine,
  settings,
  loads: [
    ...[1, 2].map((round) => load(round, {})),
    // 100 rows in one second behind a start of two; in the second round in two seconds.
    ...[1, 2].map((round) => load(round, { program: 'feast', rows: 100, seconds: 2 + round, startSeconds: 2 })),
    load(1, { rows: 5000, peakMb: 500 }),
  ],
  pushes: [
    { round: 1, call: 'read', p50Ms: 1, ...call },
    { round: 1, call: 'typed', p50Ms: 1.5, ...call },
    { round: 1, call: 'text', p50Ms: 3, ...call },
  ],
  notes: [],
};

describe('the goals of loading and pushing', () => {
  it("compare rows/s within a round, Feast's without its start, and judge each size and each call by itself", () => {
    const goals = loadingGoals(measured).map((goal) => [goal.reached?.median, isReached(goal)]);
    assert.deepEqual(goals, [
      [15, true],
      [undefined, undefined],
      [100, true],
      [500, false],
      [1.5, true],
      [3, false],
    ]);
  });

  it('stand in the report beside the others, where loading was measured', () => {
    const published = publishedReport();
    const { loading: _, ...serving } = published;
    const before = goalsOf(serving).length;
    assert.equal(goalsOf({ ...serving, loading: measured }).length, before + 6);
  });
});

describe('mergeReports', () => {
  const published = publishedReport();

  it('puts loading into the published report and leaves everything else as it is', () => {
    const { loading: _, ...serving } = published;
    const merged = mergeReports(published, { loading: measured });
    assert.deepEqual(merged, { ...serving, loading: measured });
    assert.match(markdownFromReport(merged), /\| Redis \| Feast \| 100 \| 2 \|/);
  });

  it('keeps what is published of loading when serving was measured anew', () => {
    const { loading: _, ...serving } = published;
    const anew: BenchReport = { ...serving, notes: ['anew'] };
    const merged = mergeReports({ ...serving, loading: measured }, anew);
    assert.deepEqual(merged, { ...anew, loading: measured });
  });
});

describe('the data of the loading bench', () => {
  it('gives every tenth row to an entity that has a row already, and the others to entities of their own', () => {
    const riders = new Set(Array.from({ length: 1000 }, (_, row) => riderOf(row)));
    assert.equal(riders.size, entitiesOf(1000));
    assert.equal(riderOf(19), riderOf(10));
  });
});

describe('a run of the loading bench', () => {
  it('loads both stores, reads and pushes, and loses nothing', async function () {
    this.timeout(180_000);
    const program = nodeEntry(new URL('../../src/cli/main.ts', import.meta.url)).file;
    const sizes = ['--rows', '2000', '--feast-rows', '1000', '--seconds', '0.1', '--warmup', '0.05'];
    const options = benchOptionsFromArgs(['--loading', '--quick', ...sizes, '--program', program]);
    assert.ok(options?.loading !== undefined);
    const report = await runLoading(options.loading, programOf(options), () => {});
    assert.deepEqual(
      report.loads.map(({ store, rows, entities }) => `${store} ${rows} ${entities}`),
      ['redis 2000 1800', 'sqlite 2000 1800'],
    );
    for (const { peakMb, seconds } of report.loads) assert.ok(peakMb > 10 && seconds > 0);
    assert.deepEqual(
      report.pushes.map((cell) => `${cell.call} ${cell.concurrency} ${cell.errors}`),
      ['read 1 0', 'typed 1 0', 'text 1 0', 'read 16 0', 'typed 16 0', 'text 16 0'],
    );
    assert.doesNotMatch(markdownFromLoading(report), /NaN|undefined/);
  });

  it('is of a million rows next to Feast unless it is a quick one', () => {
    const of = (...args: string[]): LoadingOptions | undefined => benchOptionsFromArgs(['--loading', ...args])?.loading;
    assert.deepEqual([of()?.rows, of()?.feastRows, of()?.largeRows, of()?.feast], [1e6, 1e5, 1e7, true]);
    assert.deepEqual([of('--quick')?.rows, of('--quick')?.largeRows, of('--quick')?.feast], [20_000, 0, false]);
    assert.equal(benchOptionsFromArgs([])?.loading, undefined);
  });
});

function publishedReport(): BenchReport {
  return JSON.parse(readFileSync(join(projectRoot, 'docs/performance/report.json'), 'utf8'));
}
