/**
 * A floating-point number as polars casts it to text: the shortest digits that read back as the number, positional from 1e-5
 * (32-bit numbers: from 1e-6), below that with an exponent.
 *
 * `undefined` from 1e16 on (32-bit numbers: from 1e13), where polars 1.36.1 writes `1e16` and 1.39.3 `1e+16`.
 * Checked against polars 0.20.31, 1.36.1, 1.39.3, 2.0.0 and 2.1.0.
 *
 * @param bits of a 32-bit number `n` is its value as a double
 */
export function polarsFloatText(n: number, bits: 32 | 64 = 64): string | undefined {
  if (Number.isNaN(n)) return 'NaN';
  if (!Number.isFinite(n)) return n > 0 ? 'inf' : '-inf';
  const sign = n < 0 || Object.is(n, -0) ? '-' : '';
  if (n === 0) return `${sign}0.0`;
  const [mantissa = '', exponent = '0'] = shortestExponential(Math.abs(n), bits).split('e');
  const digits = mantissa.replace('.', '');
  /** How many digits stand left of the point; zeros behind it where negative. */
  const point = Number(exponent) + 1;
  const [largest, smallest] = bits === 64 ? [16, -4] : [13, -5];
  if (point > largest) return undefined;
  if (point < smallest) return `${sign}${mantissa}e${point - 1}`;
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (digits.length <= point) return `${sign}${digits.padEnd(point, '0')}.0`;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

const FLOAT_DIGITS = 9;

function shortestExponential(n: number, bits: 32 | 64): string {
  if (bits === 64) return n.toExponential();
  for (let digits = 0; digits < FLOAT_DIGITS; digits++) {
    const text = n.toExponential(digits);
    if (Math.fround(Number(text)) === n) return evenOf(text, n, digits);
  }
  return n.toExponential(FLOAT_DIGITS);
}

/** Halfway between two texts of as many digits, JavaScript takes the larger one, polars the one whose last digit is even. */
function evenOf(text: string, n: number, digits: number): string {
  const [exact = '', exponent = ''] = n.toExponential(100).split('e');
  const cut = digits === 0 ? 1 : digits + 2;
  const rest = exact.slice(cut).replace('.', '');
  if (!/^50*$/.test(rest) || Number(exact[cut - 1]) % 2 === 1) return text;
  const lower = `${exact.slice(0, cut)}e${exponent}`;
  return Math.fround(Number(lower)) === n ? lower : text;
}
