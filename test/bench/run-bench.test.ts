import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeEntry } from '../../bench/node-entry.ts';
import type { BenchReport } from '../../bench/report/bench-report.ts';
import { errorsOf } from '../../bench/report/figures.ts';
import { goalsOf } from '../../bench/report/goals.ts';
import { writeReport } from '../../bench/report/write-report.ts';
import { benchOptionsFromArgs } from '../../bench/run/bench-options.ts';
import { runBench } from '../../bench/run/run-bench.ts';
import { useTempFolder } from '../support/temp-folder.ts';

/** Everything that a run does, in cells too short to mean anything: real servers, a real Redis, a real load. */
describe('a run of the bench', () => {
  const outFolder = useTempFolder();
  let report: BenchReport;

  before(async function () {
    this.timeout(180_000);
    const program = nodeEntry(new URL('../../src/cli/main.ts', import.meta.url)).file;
    const short = [
      '--quick',
      '--seconds',
      '0.2',
      '--warmup',
      '0.1',
      '--entities',
      '500',
      '--workloads',
      'S',
      '--profile',
      '--stores',
      'redis,sqlite',
    ];
    const options = benchOptionsFromArgs([...short, '--program', program]);
    assert.ok(options !== undefined);
    report = await runBench(options, () => {});
  });

  it('measures every target at every concurrency, without errors and with answers compared', () => {
    const places = report.cells.map(({ target, concurrency }) => `${target} ${concurrency}`);
    const targets = ['sideboard', 'sideboard-sqlite', 'grpcjs-echo', 'redis-direct'];
    assert.deepEqual(
      places,
      [1, 16, 64].flatMap((concurrency) => targets.map((target) => `${target} ${concurrency}`)),
    );
    assert.equal(errorsOf(report), 0);
    for (const cell of report.cells) {
      assert.ok(cell.requests > 0, `${cell.target} answered nothing`);
      assert.ok(cell.p50Ms > 0 && cell.p50Ms <= cell.p95Ms && cell.p95Ms <= cell.p99Ms);
    }
    assert.ok(report.cells.some((cell) => cell.target === 'sideboard' && cell.checked > 0));
  });

  it("knows the servers' CPU time, memory and start, and Redis's CPU time", () => {
    const sideboard = report.cells.filter(({ target }) => target === 'sideboard');
    assert.ok(sideboard.some(({ serverCpuUs }) => (serverCpuUs ?? 0) > 0));
    for (const { peakMb, redisCpuUs } of sideboard) assert.ok((peakMb ?? 0) > 10 && (redisCpuUs ?? 0) > 0);
    const start = report.starts.find(({ target }) => target === 'sideboard');
    assert.ok(start !== undefined && start.firstAnswerMs > 10 && start.idleMb > 10);
  });

  it('measures at a fixed rate, by size of the request, and where the time goes', () => {
    assert.deepEqual(
      report.paced.map(({ target }) => target),
      ['sideboard', 'redis-direct'],
    );
    assert.equal(report.growth.length, 12);
    assert.deepEqual(
      report.profiles.map(({ target, workload }) => `${target} ${workload}`),
      ['sideboard S', 'sideboard-sqlite S'],
    );
    for (const { groups } of report.profiles) {
      const shares = groups.map(({ share }) => share);
      assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
      assert.ok(
        groups.some(({ group }) => group === 'transport') && groups.some(({ group }) => group === 'store read'),
      );
    }
  });

  it('writes a report, a page and charts, and compares with every goal that it measured', () => {
    writeReport(outFolder(), report);
    for (const file of ['report.json', 'report.md', 'cpu.svg', 'latency.svg', 'growth.svg']) {
      assert.ok(existsSync(join(outFolder(), file)), file);
    }
    assert.deepEqual(JSON.parse(readFileSync(join(outFolder(), 'report.json'), 'utf8')).cells.length, 12);
    const page = readFileSync(join(outFolder(), 'report.md'), 'utf8');
    assert.match(page, /short run/);
    assert.doesNotMatch(page, /NaN|undefined/);
    const ofS = goalsOf(report).filter(
      // A busy machine may not keep the pace at which the paced goal is measured.
      ({ workload, what }) => (workload === 'S' || workload === '') && !/Feast|requests\/s/.test(what),
    );
    for (const { what, reached } of ofS) assert.ok(reached !== undefined, what);
  });
});

describe('the options of the bench', () => {
  it('have the defaults of a full run, and shorter ones for a quick one', () => {
    const full = benchOptionsFromArgs([]);
    assert.deepEqual(
      [full?.seconds, full?.warmupSeconds, full?.concurrency, full?.entities],
      [10, 3, [1, 16, 64], 10_000],
    );
    const quick = benchOptionsFromArgs(['--quick', '--seconds', '1']);
    assert.deepEqual([quick?.seconds, quick?.rounds, quick?.targets.includes('feast-python')], [1, 1, false]);
  });

  it('take peers by name and address', () => {
    const options = benchOptionsFromArgs(['--peer', 'go=127.0.0.1:6566', '--peer', 'java=127.0.0.1:6567']);
    assert.deepEqual(options?.peers[1], { name: 'java', address: '127.0.0.1:6567' });
  });

  it('are refused by name', () => {
    const refused: readonly (readonly [readonly string[], RegExp])[] = [
      [['--workloads', 'S,X'], /--workloads: "X" is none of S, B, M, L/],
      [['--seconds', 'long'], /--seconds: "long"/],
      [['--entities', '10'], /--entities/],
      [['--peer', 'nobody'], /--peer: "nobody" is not name=host:port/],
    ];
    for (const [args, message] of refused) assert.throws(() => benchOptionsFromArgs(args), message);
  });
});
