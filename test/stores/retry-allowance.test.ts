import assert from 'node:assert/strict';
import { RetryAllowance } from '../../src/stores/retry-allowance.ts';

describe('the allowance of repeated calls', () => {
  it('grants a tenth of the calls, one more than that, and no more', async () => {
    const allowance = new RetryAllowance(10, () => 0);
    let granted = 0;
    for (let call = 0; call < 500; call++) {
      allowance.earn();
      if (await allowance.granted(undefined)) granted++;
    }
    assert.ok(granted >= 50 && granted <= 51, `${granted}`);
    assert.deepEqual(allowance.counters(), { granted, denied: 500 - granted });
  });

  it('saves up at most a hundred while nothing fails', async () => {
    const allowance = new RetryAllowance(10, () => 0);
    for (let call = 0; call < 5_000; call++) allowance.earn();
    const answers = await Promise.all(Array.from({ length: 200 }, () => allowance.granted(undefined)));
    assert.equal(answers.filter(Boolean).length, 100);
  });

  it('grants none where it is switched off', async () => {
    const allowance = new RetryAllowance(0);
    for (let call = 0; call < 100; call++) allowance.earn();
    assert.equal(await allowance.granted(undefined), false);
  });

  it('grants none to a caller that has left, or that has no time left behind the pause', async () => {
    const allowance = new RetryAllowance(100, () => 1);
    for (let call = 0; call < 10; call++) allowance.earn();
    assert.equal(await allowance.granted({ deadline: Date.now() + 12 }), false);
    assert.equal(await allowance.granted({ signal: AbortSignal.abort() }), false);
    assert.equal(await allowance.granted({ cancelled: true }), false);
    assert.equal(await allowance.granted({ deadline: Date.now() + 5_000, cancelled: false }), true);
  });

  it('waits a moment that is left to chance', async () => {
    const allowance = new RetryAllowance(100, () => 0.9);
    const start = performance.now();
    assert.equal(await allowance.granted(undefined), true);
    assert.ok(performance.now() - start >= 7);
  });
});
