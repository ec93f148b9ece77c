import assert from 'node:assert/strict';
import { AccessLog } from '../../../src/operations/calls/access-log.ts';
import { createLogLines } from '../../support/log-lines.ts';

const OK = 0;
const UNAVAILABLE = 14;

describe('the access log', () => {
  let now = 0;
  let random = 0.5;

  function open(settings: { sampleRatio?: number; slowMs?: number; maxPerSecond?: number }, level = 'info') {
    now = 0;
    random = 0.5;
    const { log, lines } = createLogLines(level);
    const access = new AccessLog({
      settings: { enabled: true, sampleRatio: 0, slowMs: 100, maxPerSecond: 2, ...settings },
      log,
      now: () => now,
      random: () => random,
    });
    const ended = (status: number, ms: number): object[] => {
      const before = lines.length;
      access.ended(status, ms, () => ({ method: '/a/B' }));
      return lines.slice(before);
    };
    return ended;
  }

  it('has a line for the share of calls that it is to have', () => {
    const ended = open({ sampleRatio: 0.5 });
    random = 0.4999;
    assert.deepEqual(ended(OK, 1), [{ level: 30, method: '/a/B', reason: 'sample', msg: 'call' }]);
    random = 0.5;
    assert.deepEqual(ended(OK, 1), []);
  });

  it('describes no call that gets no line', () => {
    const { log } = createLogLines();
    const settings = { enabled: true, sampleRatio: 0, slowMs: 100, maxPerSecond: 0 };
    const access = new AccessLog({ settings, log, random: () => 0, now: () => 0 });
    const describe = (): object => assert.fail('it was described');
    access.ended(OK, 1, describe);
    access.ended(UNAVAILABLE, 1_000, describe);
  });

  it('has every failed call and every slow one, up to so many of each per second, and counts the others', () => {
    const ended = open({});
    const reasons = (lines: object[]): unknown[] => lines.map((line) => ({ ...line, level: 0, method: 0, msg: 0 }));
    const line = (rest: object): object => ({ level: 0, method: 0, msg: 0, ...rest });
    assert.deepEqual(reasons(ended(UNAVAILABLE, 1)), [line({ reason: 'error' })]);
    assert.deepEqual(reasons(ended(UNAVAILABLE, 200)), [line({ reason: 'error' })]);
    // Of failures there are enough; it was slow too.
    assert.deepEqual(reasons(ended(UNAVAILABLE, 200)), [line({ reason: 'slow' })]);
    assert.deepEqual(reasons(ended(OK, 100)), [line({ reason: 'slow' })]);
    assert.deepEqual([ended(UNAVAILABLE, 1), ended(UNAVAILABLE, 1), ended(OK, 100)], [[], [], []]);
    now = 1_000;
    assert.deepEqual(reasons(ended(UNAVAILABLE, 1)), [line({ reason: 'error', skipped: 3 })]);
    assert.deepEqual(reasons(ended(OK, 100)), [line({ reason: 'slow', skipped: 1 })]);
    assert.deepEqual(ended(OK, 99), []);
  });

  it('may still have a failed call by chance when there were enough of them', () => {
    const ended = open({ sampleRatio: 1, maxPerSecond: 0 });
    assert.deepEqual(ended(UNAVAILABLE, 1), [{ level: 30, method: '/a/B', reason: 'sample', msg: 'call' }]);
  });

  it('is written whatever else the log shows, but not where the log is silent', () => {
    assert.equal(open({ sampleRatio: 1 }, 'error')(OK, 1).length, 1);
    assert.equal(open({ sampleRatio: 1 }, 'silent')(OK, 1).length, 0);
  });
});
