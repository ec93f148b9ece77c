import assert from 'node:assert/strict';
import { differenceByRound, ratioByRound, spreadOf } from '../../bench/report/statistics.ts';

describe('spreadOf', () => {
  it('takes the middle of an odd number of values and the mean of the two middle ones of an even number', () => {
    assert.deepEqual(spreadOf([5, 1, 3]), { median: 3, least: 1, most: 5 });
    assert.deepEqual(spreadOf([4, 1, 2, 10]), { median: 3, least: 1, most: 10 });
  });

  it('leaves out what is not a number, and knows nothing of nothing', () => {
    assert.deepEqual(spreadOf([Number.NaN, 2, Number.POSITIVE_INFINITY]), { median: 2, least: 2, most: 2 });
    assert.equal(spreadOf([]), undefined);
  });
});

describe('ratioByRound', () => {
  it('divides within a round, so that a slow round does not change the ratio', () => {
    const slowSecondRound = ratioByRound(figures(10, 40), figures(5, 20));
    assert.deepEqual(slowSecondRound, { median: 2, least: 2, most: 2 });
  });

  it('leaves out rounds that lack a side or divide by zero', () => {
    assert.deepEqual(ratioByRound(figures(6, 8, 10), figures(3, 0)), { median: 2, least: 2, most: 2 });
    assert.equal(ratioByRound(figures(1), []), undefined);
  });
});

describe('differenceByRound', () => {
  it('subtracts within a round', () => {
    assert.deepEqual(differenceByRound(figures(10, 31), figures(4, 20)), { median: 8.5, least: 6, most: 11 });
  });
});

function figures(...values: readonly number[]) {
  return values.map((value, index) => ({ round: index + 1, value }));
}
