import assert from 'node:assert/strict';
import fc from 'fast-check';
import { spanFromTtl, ttlFromSpan, ttlPattern } from '../../src/definitions/ttl-text.ts';

describe('a ttl', () => {
  it('is a text of falling units, or a number of seconds', () => {
    const spans: readonly (readonly [written: string | number, seconds: number, nanos?: number])[] = [
      [0, 0],
      ['0', 0],
      ['0s', 0],
      [3600, 3600],
      ['3600', 3600],
      ['1h', 3600],
      ['2h30m', 9000],
      ['1w2d3h4m5s', 788_645],
      [' 90s ', 90],
      ['36500d', 3_153_600_000],
      ['1.5s', 1, 500_000_000],
      [1.5, 1, 500_000_000],
      ['0.000001s', 0, 1000],
      [0.9999999, 1],
      [315_576_000_000, 315_576_000_000],
    ];
    for (const [written, seconds, nanos = 0] of spans) {
      assert.deepEqual(spanFromTtl(written), { seconds: BigInt(seconds), nanos }, String(written));
      if (typeof written === 'string') assert.match(written, new RegExp(ttlPattern));
    }
  });

  it('is nothing else', () => {
    for (const text of ['', ' ', '1day', '1 d', '1d 2h', '2h1d', '1h1h', '-1h', '1.5h', '1e3s', 'P1D', '.5s', '1.s']) {
      assert.equal(spanFromTtl(text), undefined, text);
      assert.doesNotMatch(text, new RegExp(ttlPattern));
    }
    for (const number of [-1, -0.1, Number.NaN, Number.POSITIVE_INFINITY, 315_576_000_001]) {
      assert.equal(spanFromTtl(number), undefined, String(number));
    }
    for (const text of ['10000000w', `${'9'.repeat(400)}d`, '315576000000.1s'])
      assert.equal(spanFromTtl(text), undefined);
  });

  it('is written so that it is read back', () => {
    const micros = fc.integer({ min: 0, max: 999_999 });
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 315_575_999_999n }), micros, (seconds, fraction) => {
        const span = { seconds, nanos: fraction * 1000 };
        assert.deepEqual(spanFromTtl(ttlFromSpan(span)), span);
      }),
    );
    assert.equal(ttlFromSpan({ seconds: 7201n, nanos: 0 }), '2h1s');
    assert.equal(ttlFromSpan({ seconds: 0n, nanos: 0 }), '0s');
  });
});
