import assert from 'node:assert/strict';
import fc from 'fast-check';
import { polarsFloatText } from '../../src/encoding/polars-text.ts';

// What polars 1.36.1 casts Float64 and Float32 series to.
const doubles = [
  [0.0, '0.0'],
  [-0, '-0.0'],
  [1.0, '1.0'],
  [-1.5, '-1.5'],
  [0.1, '0.1'],
  [150.0, '150.0'],
  [1000000000000000.0, '1000000000000000.0'],
  [9999999999999998.0, '9999999999999998.0'],
  [9990000000000000.0, '9990000000000000.0'],
  [123456.789, '123456.789'],
  [0.0001, '0.0001'],
  [1e-5, '0.00001'],
  [1.5e-5, '0.000015'],
  [9.999e-6, '9.999e-6'],
  [1e-6, '1e-6'],
  [2.5e-7, '2.5e-7'],
  [5e-324, '5e-324'],
  [0.30000000000000004, '0.30000000000000004'],
  [9007199254740992.0, '9007199254740992.0'],
  [0.3333333333333333, '0.3333333333333333'],
  [Number.NaN, 'NaN'],
  [Number.POSITIVE_INFINITY, 'inf'],
  [Number.NEGATIVE_INFINITY, '-inf'],
] as const;

const floats = [
  [0.10000000149011612, '0.1'],
  [1.0, '1.0'],
  [16777216.0, '16777216.0'],
  [154554.625, '154554.62'],
  [3115624.25, '3115624.2'],
  [999999995904.0, '1000000000000.0'],
  [9499999993856.0, '9500000000000.0'],
  [9.999999747378752e-6, '0.00001'],
  [9.999999974752427e-7, '0.000001'],
  [9.500000146545062e-7, '9.5e-7'],
  [1.401298464324817e-45, '1e-45'],
  [0.3333333432674408, '0.33333334'],
  [123456792.0, '123456790.0'],
] as const;

describe('polarsFloatText', () => {
  it('writes doubles as polars casts them', () => {
    for (const [n, text] of doubles) assert.equal(polarsFloatText(n), text);
  });

  it('writes 32-bit numbers as polars casts them', () => {
    for (const [n, text] of floats) assert.equal(polarsFloatText(Math.fround(n), 32), text);
  });

  it('writes no number whose text differs between versions of polars', () => {
    for (const n of [1e16, -1e16, 1.5e300]) assert.equal(polarsFloatText(n), undefined);
    assert.equal(polarsFloatText(Math.fround(1e13), 32), undefined);
  });

  it('writes texts that read back as the number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (n) => {
        const text = polarsFloatText(n);
        assert.ok(text === undefined ? Math.abs(n) >= 1e16 : Object.is(Number(text), n), text);
      }),
    );
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (n) => {
        const text = polarsFloatText(n, 32);
        assert.ok(text === undefined ? Math.abs(n) >= 9.9e12 : Object.is(Math.fround(Number(text)), n), text);
      }),
    );
  });
});
