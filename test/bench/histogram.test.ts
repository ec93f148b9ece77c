import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LatencyHistogram } from '../../bench/load/histogram.ts';

describe('LatencyHistogram', () => {
  it('gives percentiles of short durations exactly', () => {
    const histogram = histogramOf(Array.from({ length: 100 }, (_, index) => index + 1));
    assert.equal(histogram.percentile(0.5), 50);
    assert.equal(histogram.percentile(0.99), 99);
    assert.equal(histogram.percentile(1), 100);
    assert.equal(histogram.longest, 100);
  });

  it('is off by less than half a percent for any percentile of any durations', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.5, 0.9, 0.95, 0.99, 1),
        (durations, share) => {
          const sorted = [...durations].sort((a, b) => a - b);
          const exact = sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
          const given = histogramOf(durations).percentile(share);
          assert.ok(Math.abs(given - exact) <= exact * 0.005, `${given} for ${exact}`);
        },
      ),
    );
  });

  it('never reports more than the longest duration', () => {
    assert.equal(histogramOf([1_000_001]).percentile(0.5), 1_000_001);
  });

  it('counts what is out of range at the ends of its range', () => {
    const histogram = histogramOf([-5, 2 ** 40]);
    assert.equal(histogram.count, 2);
    assert.equal(histogram.percentile(0.5), 0);
    assert.equal(histogram.longest, 2 ** 31 - 1);
  });

  it('has no percentile of nothing', () => {
    assert.ok(Number.isNaN(new LatencyHistogram().percentile(0.5)));
  });
});

function histogramOf(durations: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const duration of durations) histogram.record(duration);
  return histogram;
}
