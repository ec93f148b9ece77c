import assert from 'node:assert/strict';
import fc from 'fast-check';
import { pythonFloat } from '../../../src/stores/sql/search-columns.ts';
import { SqliteOnlineStoreSettings } from '../../../src/stores/sqlite/sqlite-online-store.ts';
import { createSqliteClock } from '../../../src/stores/sqlite/sqlite-time.ts';

const describePlace = (): string => 'a row';

describe('times in SQLite', () => {
  for (const zone of ['UTC', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Pacific/Apia']) {
    it(`come back as they were written in ${zone}, but for the hours that its clocks skip`, () => {
      const clock = createSqliteClock(zone);
      fc.assert(
        fc.property(fc.integer({ min: -2_000_000_000, max: 4_000_000_000 }), (seconds) => {
          const stored = clock.storedSeconds({ seconds, nanos: 0 });
          const read = clock.eventTime(stored, describePlace).seconds;
          // A wall-clock time that never was is read back as the one that came in its place.
          assert.ok(
            read === seconds || [1800, 3600, 86_400].includes(Math.abs(read - seconds)),
            `${seconds} became ${read}`,
          );
        }),
        { numRuns: 300 },
      );
    });
  }

  // What CPython 3.11 gives for int(datetime(...).timestamp()) with TZ=America/New_York.
  for (const [utc, stored] of [
    ['2026-11-01T01:30:00Z', '2026-11-01T05:30:00Z'],
    ['2026-03-08T02:30:00Z', '2026-03-08T07:30:00Z'],
    ['2026-07-01T00:00:00Z', '2026-07-01T04:00:00Z'],
  ] as const) {
    it(`are chosen as Python chooses them when clocks change: ${utc}`, () => {
      const clock = createSqliteClock('America/New_York');
      const seconds = Date.parse(utc) / 1000;
      assert.equal(clock.storedSeconds({ seconds, nanos: 0 }), Date.parse(stored) / 1000);
    });
  }

  it('lose their fraction towards zero', () => {
    const clock = createSqliteClock('UTC');
    assert.equal(clock.storedSeconds({ seconds: 5, nanos: 999_999_000 }), 5);
    assert.equal(clock.storedSeconds({ seconds: -5, nanos: 999_999_000 }), -4);
    assert.equal(clock.storedSeconds({ seconds: -5, nanos: 0 }), -5);
  });

  it('need a time zone that exists', () => {
    assert.ok(!SqliteOnlineStoreSettings.safeParse({ timezone: 'Mars/Olympus' }).success);
    assert.equal(SqliteOnlineStoreSettings.parse({}).timezone, 'UTC');
  });
});

describe('the search text of a number', () => {
  // Printed by Python's str().
  for (const [value, text] of [
    [0, '0.0'],
    [-0, '-0.0'],
    [5, '5.0'],
    [0.1, '0.1'],
    [Math.fround(0.1), '0.10000000149011612'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [1.5e16, '1.5e+16'],
    [123456789012345680, '1.2345678901234568e+17'],
    [1e22, '1e+22'],
    [0.0001, '0.0001'],
    [0.00012345, '0.00012345'],
    [0.00001, '1e-05'],
    [-1.25e-7, '-1.25e-07'],
    [5e-324, '5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [Number.NaN, 'nan'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
  ] as const) {
    it(`is ${text}`, () => assert.equal(pythonFloat(value), text));
  }
});
