import assert from 'node:assert/strict';
import { EncodingError } from '../../../src/encoding/encoding-error.ts';
import { formatEventTime, isTooLarge, parseEventTime } from '../../../src/stores/dynamodb/dynamodb-layout.ts';

describe("times in DynamoDB's items", () => {
  for (const [seconds, nanos, text] of [
    [1_768_032_000, 123_456_000, '2026-01-10 08:00:00.123456+00:00'],
    [1_768_032_000, 0, '2026-01-10 08:00:00+00:00'],
    [1_768_032_000, 1000, '2026-01-10 08:00:00.000001+00:00'],
    [0, 0, '1970-01-01 00:00:00+00:00'],
    [-1, 999_999_000, '1969-12-31 23:59:59.999999+00:00'],
    [-62_135_596_800, 0, '0001-01-01 00:00:00+00:00'],
    [253_402_300_799, 999_999_000, '9999-12-31 23:59:59.999999+00:00'],
  ] as const) {
    it(`are ${text}, there and back`, () => {
      assert.equal(formatEventTime({ seconds, nanos }), text);
      assert.deepEqual(parseEventTime(text), { seconds, nanos });
    });
  }

  it('have microseconds: what is finer is cut off', () => {
    assert.equal(formatEventTime({ seconds: 0, nanos: 999 }), '1970-01-01 00:00:00+00:00');
    assert.equal(formatEventTime({ seconds: 0, nanos: 1_999 }), '1970-01-01 00:00:00.000001+00:00');
  });

  it('may be in another zone, or in none, which is UTC', () => {
    assert.deepEqual(parseEventTime('1970-01-01 02:00:00+02:00'), { seconds: 0, nanos: 0 });
    assert.deepEqual(parseEventTime('1970-01-01 00:00:00'), { seconds: 0, nanos: 0 });
  });

  it('are nothing else', () => {
    for (const text of ['', '1768032000', '-5', '2026-02-30 00:00:00+00:00', 'yesterday', '-1768032000']) {
      assert.equal(parseEventTime(text), undefined, text);
    }
    assert.throws(() => formatEventTime({ seconds: 253_402_300_800, nanos: 0 }), EncodingError);
  });
});

describe("the size of DynamoDB's items", () => {
  it('counts names and values in bytes', () => {
    const time = formatEventTime({ seconds: 0, nanos: 0 });
    const fits = 400 * 1024 - (9 + 32 + 8 + time.length + 6 + 3) - (1 + 'größe'.length + 2);
    assert.equal(isTooLarge(time, new Map([['größe', new Uint8Array(fits)]])), false);
    assert.equal(isTooLarge(time, new Map([['größe', new Uint8Array(fits + 1)]])), true);
  });
});
