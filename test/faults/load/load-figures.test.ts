import assert from 'node:assert/strict';
import { FigureSheet, failedFigures, passes } from '../harness/figures.ts';
import { judgeOutage, okPercent } from './load-figures.ts';
import type { LoadResult, LoadSlot, PhaseResult } from './load-spec.ts';

const NO_TIMES = { count: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };

const slot = (atMs: number, ok: number, failed = 0): LoadSlot => ({
  atMs,
  sent: ok + failed,
  ok,
  failed,
  slowestMs: 5,
  answered: ok,
});

const loadOf = (timeline: readonly LoadSlot[], codes: PhaseResult['codes'] = {}): LoadResult => {
  const phase: PhaseResult = {
    name: 'fault',
    beganMs: 0,
    lengthMs: 1_000,
    sent: 100,
    ok: 0,
    codes,
    sideboardCodes: {},
    wrong: {},
    wrongDetails: [],
    failureTexts: [],
    okLatency: NO_TIMES,
    failedLatency: NO_TIMES,
  };
  return { phases: [phase], timeline, latestMs: 0, abandoned: 0 };
};

const outage = (result: LoadResult): string[] => {
  const sheet = new FigureSheet('long');
  judgeOutage(sheet, result, { phase: 'fault', deadlineMs: 100, clearedMs: 1_000 });
  return failedFigures(sheet.report()).map(({ name }) => name);
};

describe('figures of a load', () => {
  it('know no share of calls that were never sent, and such a share meets no bound', () => {
    const result = loadOf([slot(0, 10), slot(100, 5, 5)]);
    assert.equal(okPercent(result, 0), 75);
    assert.equal(okPercent(result, 100, 200), 50);
    const sheet = new FigureSheet('long');
    sheet.atLeast('OK behind the fault', okPercent(result, 2_000), 99.9, '%');
    const report = sheet.report();
    assert.equal(passes(report), false);
    assert.deepEqual(
      report.figures.map(({ reached }) => reached),
      ['nothing to judge'],
    );
  });

  it('let an outage pass whose calls ended as asked and were answered behind it', () => {
    assert.deepEqual(outage(loadOf([slot(3_500, 50)], { UNAVAILABLE: 90, DEADLINE_EXCEEDED: 10 })), []);
  });

  it('notice an outage without a failure, with another status, and one behind which nothing was sent', () => {
    assert.deepEqual(outage(loadOf([slot(3_500, 50)])), ['they ended with']);
    assert.deepEqual(outage(loadOf([slot(3_500, 50)], { UNAVAILABLE: 90, RESOURCE_EXHAUSTED: 1 })), [
      'they ended with',
    ]);
    assert.deepEqual(outage(loadOf([slot(1_500, 50)], { UNAVAILABLE: 100 })), ['OK from 2 s after the fault was gone']);
  });
});
