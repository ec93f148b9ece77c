import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EncodingError } from '../../src/encoding/encoding-error.ts';
import {
  formatTimestamp,
  formatZoned,
  MAX_SECONDS,
  MIN_SECONDS,
  parseDateTime,
  parseTimestamp,
} from '../../src/encoding/timestamp.ts';

const seconds = fc.integer({ min: MIN_SECONDS, max: MAX_SECONDS });
const nanos = fc.oneof(
  fc.constant(0),
  fc.nat(999).map((n) => n * 1_000_000),
  fc.nat(999_999).map((n) => n * 1000),
  fc.nat(999_999_999),
);

describe('parseTimestamp', () => {
  it('reads RFC 3339 and what Python and pandas print', () => {
    const cases: readonly [string, number, number][] = [
      ['2026-01-10T08:00:00Z', 1_768_032_000, 0],
      ['2026-01-10t08:00:00z', 1_768_032_000, 0],
      ['2026-01-10 08:00:00', 1_768_032_000, 0],
      ['2026-01-10T08:00:00.123456789Z', 1_768_032_000, 123_456_789],
      ['2026-01-10 08:00:00.5+00:00', 1_768_032_000, 500_000_000],
      ['2026-01-10 08:00:00.123456 UTC', 1_768_032_000, 123_456_000],
      ['2026-01-10T13:30:00+05:30', 1_768_032_000, 0],
      ['2026-01-10T03:00:00-0500', 1_768_032_000, 0],
      ['2026-01-10 03:00:00-05', 1_768_032_000, 0],
      ['2026-01-10T08:00', 1_768_032_000, 0],
      ['2026-01-10', 1_768_003_200, 0],
      [' 1970-01-01T00:00:00Z ', 0, 0],
      ['1969-12-31T23:59:59.5Z', -1, 500_000_000],
      ['0001-01-01T00:00:00Z', MIN_SECONDS, 0],
      ['9999-12-31T23:59:59.999999999Z', MAX_SECONDS, 999_999_999],
      ['2024-02-29T00:00:00Z', 1_709_164_800, 0],
    ];
    for (const [text, expectedSeconds, expectedNanos] of cases) {
      assert.deepEqual(parseTimestamp(text), { seconds: expectedSeconds, nanos: expectedNanos }, text);
    }
  });

  it('reads time since 1970 in the unit that is said', () => {
    assert.deepEqual(parseTimestamp(1_768_032_000), { seconds: 1_768_032_000, nanos: 0 });
    assert.deepEqual(parseTimestamp(1.5), { seconds: 1, nanos: 500_000_000 });
    assert.deepEqual(parseTimestamp(-0.25), { seconds: -1, nanos: 750_000_000 });
    assert.deepEqual(parseTimestamp('1768032000.123456789'), { seconds: 1_768_032_000, nanos: 123_456_789 });
    assert.deepEqual(parseTimestamp(1_768_032_000_123n, 'ms'), { seconds: 1_768_032_000, nanos: 123_000_000 });
    assert.deepEqual(parseTimestamp('1768032000123456', 'us'), { seconds: 1_768_032_000, nanos: 123_456_000 });
    assert.deepEqual(parseTimestamp(1_768_032_000_123_456_789n, 'ns'), { seconds: 1_768_032_000, nanos: 123_456_789 });
    assert.deepEqual(parseTimestamp(-1n, 'ns'), { seconds: -1, nanos: 999_999_999 });
    assert.deepEqual(parseTimestamp(1e-9), { seconds: 0, nanos: 1 });
    assert.deepEqual(parseTimestamp(new Date(1500)), { seconds: 1, nanos: 500_000_000 });
  });

  it('refuses what is not a time, and days and hours that do not exist', () => {
    const bad = [
      '',
      'yesterday',
      '2026-13-01T00:00:00Z',
      '2026-02-29T00:00:00Z',
      '2026-01-10T24:00:00Z',
      '2026-01-10T08:60:00Z',
      '2026-01-10T08:00:60Z',
      '2026-01-10T08:00:00+24:00',
      '2026-01-10T08:00:00.1234567890Z',
      '0000-12-31T00:00:00Z',
      '0001-01-01T00:00:00+01:00',
      '9999-12-31T23:59:59-00:01',
      '10000-01-01T00:00:00Z',
      '1e400',
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1e300,
      2n ** 63n,
      -9_223_372_036_854_775_808n,
      new Date(Number.NaN),
    ];
    for (const input of bad) {
      assert.throws(
        () => parseTimestamp(input),
        (error) => error instanceof EncodingError && error.code === 'INVALID_TIMESTAMP',
        String(input),
      );
    }
  });

  it('gives back every time that formatTimestamp prints', () => {
    fc.assert(
      fc.property(seconds, nanos, (s, n) => {
        assert.deepEqual(parseTimestamp(formatTimestamp(s, n)), { seconds: s, nanos: n });
        assert.deepEqual(parseTimestamp(BigInt(s) * 1_000_000_000n + BigInt(n), 'ns'), { seconds: s, nanos: n });
      }),
    );
  });
});

describe('formatTimestamp', () => {
  it('prints 0, 3, 6 or 9 fraction digits', () => {
    assert.equal(formatTimestamp(0, 0), '1970-01-01T00:00:00Z');
    assert.equal(formatTimestamp(1_768_032_000, 120_000_000), '2026-01-10T08:00:00.120Z');
    assert.equal(formatTimestamp(1_768_032_000, 123_456_000), '2026-01-10T08:00:00.123456Z');
    assert.equal(formatTimestamp(1_768_032_000, 1), '2026-01-10T08:00:00.000000001Z');
    assert.equal(formatTimestamp(MIN_SECONDS, 0), '0001-01-01T00:00:00Z');
    assert.equal(formatTimestamp(-1, 500_000_000), '1969-12-31T23:59:59.500Z');
  });

  it('refuses times outside the years 1 to 9999', () => {
    for (const s of [MIN_SECONDS - 1, MAX_SECONDS + 1, Number.NaN])
      assert.throws(() => formatTimestamp(s, 0), { code: 'INVALID_TIMESTAMP' });
    assert.throws(() => formatTimestamp(0, 1e9), { code: 'INVALID_TIMESTAMP' });
  });
});

describe('parseDateTime', () => {
  /** What is read of a text, or the code of its refusal. */
  const outcomeOf = (text: string): unknown => {
    try {
      return parseDateTime(text);
    } catch (error) {
      if (!(error instanceof EncodingError)) throw error;
      return error.code;
    }
  };

  it('reads the usual text as it reads the same time written otherwise', () => {
    const digits = (length: number) => fc.stringMatching(new RegExp(`^[0-9]{${length}}$`));
    const near = fc.tuple(
      digits(4),
      fc.integer({ min: 0, max: 13 }),
      fc.integer({ min: 0, max: 32 }),
      fc.integer({ min: 0, max: 24 }),
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 0, max: 60 }),
      fc.option(digits(3), { nil: undefined }),
    );
    const two = (part: number): string => String(part).padStart(2, '0');
    fc.assert(
      fc.property(near, ([year, month, day, hour, minute, second, fraction]) => {
        const clock = `${two(hour)}:${two(minute)}:${two(second)}`;
        const rest = fraction === undefined ? '' : `.${fraction}`;
        for (const between of ['T', ' ']) {
          const text = `${year}-${two(month)}-${two(day)}${between}${clock}${rest}`;
          const expected = outcomeOf(`${text}+00:00`);
          assert.deepEqual(outcomeOf(`${text}Z`), expected);
          const local = typeof expected === 'string' ? expected : { ...(expected as object), offset: undefined };
          assert.deepEqual(outcomeOf(text), local);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('knows every day of a leap year, of a common one and of the ends of centuries', () => {
    for (const year of [1, 1600, 1899, 1900, 1969, 1970, 2000, 2023, 2024, 2100, 9999]) {
      for (let day = 0; day < 366; day++) {
        const date = new Date(0);
        date.setUTCFullYear(year, 0, 1 + day);
        const text = `${String(year).padStart(4, '0')}${date.toISOString().slice(-20, -5)}`;
        if (date.getUTCFullYear() === year)
          assert.equal(parseDateTime(`${text}Z`).seconds, date.getTime() / 1000, text);
      }
    }
  });

  it('refuses what only looks like the usual text', () => {
    for (const text of [
      '2026-01-10T08:00:0xZ',
      '2026-01-10T08:00:00.1x3Z',
      '2026-02-29T08:00:00Z',
      '2026x01-10T08:00:00Z',
      '2026-01-10x08:00:00',
    ]) {
      assert.throws(() => parseDateTime(text), { code: 'INVALID_TIMESTAMP' }, text);
    }
  });
});

describe('formatZoned', () => {
  it('shows the wall clock and offset of the zone', () => {
    assert.equal(formatZoned(1_719_860_400n, 'America/Los_Angeles'), '2024-07-01T12:00:00-07:00');
    assert.equal(formatZoned(1_704_110_400n, 'America/Los_Angeles'), '2024-01-01T04:00:00-08:00');
    assert.equal(formatZoned(1_719_815_400n, 'UTC+05:30'), '2024-07-01T12:00:00+05:30');
    assert.equal(formatZoned(1_719_815_400n, 'UTC-03:00'), '2024-07-01T03:30:00-03:00');
    assert.equal(formatZoned(1_719_835_200n, ''), '2024-07-01T12:00:00+00:00');
    assert.equal(formatZoned(0n, 'Asia/Kathmandu'), '1970-01-01T05:30:00+05:30');
    assert.equal(formatZoned(-3_900_000_000n, 'Europe/London'), '1846-06-01T02:38:45-00:01:15');
  });

  it('shows an unknown zone in UTC', () => {
    assert.equal(formatZoned(0n, 'Mars/Olympus_Mons'), '1970-01-01T00:00:00+00:00');
  });

  it('refuses times outside the years 1 to 9999', () => {
    assert.throws(() => formatZoned(-(2n ** 63n), 'UTC'), { code: 'INVALID_TIMESTAMP' });
    assert.throws(() => formatZoned(BigInt(MAX_SECONDS), 'Asia/Tokyo'), { code: 'INVALID_TIMESTAMP' });
  });
});
