import assert from 'node:assert/strict';
import { createFailureLog } from '../../src/operations/failure-log.ts';
import { createForwardClock } from '../../src/operations/forward-clock.ts';
import type { Logger } from '../../src/operations/logger.ts';
import { StoreError } from '../../src/stores/store-error.ts';

describe('a clock that never goes back', () => {
  let clock: number;
  let count: number;
  let now: () => number;

  beforeEach(() => {
    [clock, count] = [1_700_000_000_000, 50];
    now = createForwardClock(
      () => clock,
      () => count,
    );
  });

  it('goes on while the system clock is set back', () => {
    const start = now();
    clock -= 3_600_000;
    count += 10;
    assert.equal(now(), start + 10);
    clock += 5;
    count += 5;
    assert.equal(now(), start + 15);
  });

  it('goes on while the count of time stands still, as in a machine that sleeps', () => {
    const start = now();
    clock += 60_000;
    assert.equal(now(), start + 60_000);
  });

  it('keeps the log of failures telling of them after the clock was set back', () => {
    let lines = 0;
    const log = { warn: () => lines++, error: () => lines++ } as unknown as Logger;
    const failed = createFailureLog(log, now);
    const error = new StoreError('STORE_UNAVAILABLE', 'The store is away.');
    failed(error, undefined);
    clock -= 3_600_000;
    count += 9_000;
    failed(error, undefined);
    assert.equal(lines, 1);
    count += 1_000;
    failed(error, undefined);
    assert.equal(lines, 2);
  });
});
