import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ValueType_Enum as T } from '../../gen/feast/types/Value_pb.ts';
import { decodeValue, encodeValue, type JsValue, TypedValue } from '../../src/encoding/value.ts';
import { parseJsonExact, pythonFloatText, valueFromJson, valueToJson } from '../../src/encoding/value-json.ts';

describe('pythonFloatText', () => {
  it('prints doubles as Python does', () => {
    const texts = [
      '0.0',
      '-0.0',
      '1.0',
      '-1.5',
      '0.1',
      '0.0001',
      '0.00012345',
      '1e-05',
      '1.2345e-05',
      '5e-324',
      '1e-07',
      '123456.789',
      '1e+16',
      '1.2345678901234568e+16',
      '9999999999999998.0',
      '1000000000000000.0',
      '9007199254740993.0',
      '123456789012345.6',
      '1e+22',
      '1.7976931348623157e+308',
      '2.2250738585072014e-308',
      '3.141592653589793',
      '0.30000000000000004',
      '1e+100',
      '-1e-10',
    ];
    for (const text of texts) {
      const shown = text === '9007199254740993.0' ? '9007199254740992.0' : text;
      assert.equal(pythonFloatText(Number(text)), shown);
    }
  });

  it('prints what reads back as the same double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (n) => {
        const text = pythonFloatText(n);
        assert.ok(Object.is(Number(text), n), text);
        assert.match(text, /^-?(?:\d+\.\d+|\d(?:\.\d+)?e[+-]\d{2,3})$/);
      }),
    );
  });
});

describe('valueToJson', () => {
  const nested = (value: JsValue | object) => valueToJson(encodeValue(value, T.MAP));

  it('prints every kind of value inside a map', () => {
    assert.equal(
      nested({
        int: 1n,
        float: 1,
        nan: Number.NaN,
        text: 'a"\u2028',
        bytes: Uint8Array.of(255),
        none: null,
        list: [1n, 2n],
        map: { k: [{ x: true }] },
        when: new TypedValue(T.UNIX_TIMESTAMP, 5n),
        zoned: new TypedValue(T.ZONED_TIMESTAMP, { unixTimestamp: 0n, zone: 'UTC' }),
        single: new TypedValue(T.FLOAT, 0.1),
        scalar: new Map([[1n, 'a']]),
      }),
      '{"int":1,"float":1.0,"nan":"NaN","text":"a\\"\u2028","bytes":"/w==","none":null,"list":[1,2],"map":{"k":[{"x":true}]},"when":5,' +
        '"zoned":"1970-01-01T00:00:00+00:00","single":0.10000000149011612,"scalar":null}',
    );
  });

  it('reads a part of a larger buffer', () => {
    const bytes = Buffer.concat([Buffer.from('ffff', 'hex'), encodeValue(7n, T.INT64), Buffer.from('ff', 'hex')]);
    assert.equal(valueToJson(bytes, 2, bytes.length - 1), '7');
    assert.equal(valueToJson(bytes, 2, 2), 'null');
  });
});

describe('valueFromJson', () => {
  const back = (text: string, type: T) => decodeValue(valueFromJson(parseJsonExact(text), type));

  it('keeps int64 exact', () => {
    assert.equal(back('9007199254740993', T.INT64), 9_007_199_254_740_993n);
    assert.equal(back('"-9223372036854775808"', T.INT64), -(2n ** 63n));
    assert.equal(back('1.0', T.INT64), 1n);
    assert.deepEqual(back('[9007199254740993]', T.INT64_LIST), [9_007_199_254_740_993n]);
  });

  it('tells whole numbers from others where no type is declared', () => {
    assert.deepEqual(
      back('{"i":1,"d":1.0,"l":[1],"n":null}', T.MAP),
      new Map<string, JsValue>([
        ['i', 1n],
        ['d', 1],
        ['l', [1n]],
        ['n', null],
      ]),
    );
    assert.equal(back('1', T.INVALID), 1n);
  });

  it('reads base64, RFC 3339, NaN and pairs', () => {
    assert.deepEqual(back('"AAH/"', T.BYTES), Uint8Array.of(0, 1, 255));
    assert.deepEqual(back('["-_8","-_8="]', T.BYTES_LIST), [Uint8Array.of(0xfb, 0xff), Uint8Array.of(0xfb, 0xff)]);
    assert.equal(back('"2024-02-29T12:34:56.789Z"', T.UNIX_TIMESTAMP), 1_709_210_096n);
    assert.equal(back('"1969-12-31T23:59:59.5Z"', T.UNIX_TIMESTAMP), 0n);
    assert.equal(back('"-5"', T.UNIX_TIMESTAMP), -5n);
    assert.deepEqual(back('["NaN","-Infinity",1]', T.DOUBLE_LIST), [Number.NaN, Number.NEGATIVE_INFINITY, 1]);
    assert.equal(back('12345678901234567890123', T.DOUBLE), 1.2345678901234568e22);
    assert.deepEqual(
      back('[[1,"a"],[true,null],[1.5,2]]', T.SCALAR_MAP),
      new Map<number | bigint | boolean, JsValue>([
        [1n, 'a'],
        [true, null],
        [1.5, 2n],
      ]),
    );
    assert.deepEqual(back('{"unixTimestamp":5,"zone":"Europe/Paris"}', T.ZONED_TIMESTAMP), {
      unixTimestamp: 5n,
      zone: 'Europe/Paris',
    });
    assert.deepEqual(back('"2024-07-01T12:00:00-07:00"', T.ZONED_TIMESTAMP), {
      unixTimestamp: 1_719_860_400n,
      zone: 'UTC-07:00',
    });
    assert.deepEqual(back('"2024-07-01T12:00:00"', T.ZONED_TIMESTAMP), { unixTimestamp: 1_719_835_200n, zone: '' });
  });

  it('writes JSON documents as Python would and keeps those that are text', () => {
    assert.equal(back('{"a":[1,1.0,"é\u007f"],"b":null}', T.JSON), '{"a": [1, 1.0, "\\u00e9\\u007f"], "b": null}');
    assert.equal(back('"{\\"a\\":1}"', T.JSON), '{"a":1}');
    assert.equal(decodeValue(encodeValue({ a: 1, b: [true] }, T.JSON)), '{"a": 1, "b": [true]}');
  });

  it('refuses what does not fit', () => {
    const cases: readonly [string, T, string][] = [
      ['true', T.INT64, 'VALUE_TYPE_MISMATCH'],
      ['1.5', T.INT64, 'VALUE_TYPE_MISMATCH'],
      ['9223372036854775808', T.INT64, 'VALUE_OUT_OF_RANGE'],
      ['2147483648', T.INT32, 'VALUE_OUT_OF_RANGE'],
      ['1e39', T.FLOAT, 'VALUE_OUT_OF_RANGE'],
      ['1', T.BOOL, 'VALUE_TYPE_MISMATCH'],
      ['1', T.STRING, 'VALUE_TYPE_MISMATCH'],
      ['"a="', T.BYTES, 'VALUE_TYPE_MISMATCH'],
      ['1', T.BYTES, 'VALUE_TYPE_MISMATCH'],
      ['"1.5"', T.DOUBLE, 'VALUE_TYPE_MISMATCH'],
      ['"2024-02-30"', T.UNIX_TIMESTAMP, 'INVALID_TIMESTAMP'],
      ['"soon"', T.UNIX_TIMESTAMP, 'VALUE_TYPE_MISMATCH'],
      ['"{"', T.JSON, 'INVALID_JSON'],
      ['[]', T.MAP, 'VALUE_TYPE_MISMATCH'],
      ['1', T.INT64_LIST, 'VALUE_TYPE_MISMATCH'],
      ['[null]', T.INT64_LIST, 'VALUE_TYPE_MISMATCH'],
      ['[1,"x"]', T.VALUE_SET, ''],
      ['{"a":1}', T.SCALAR_MAP, 'VALUE_TYPE_MISMATCH'],
      ['[["a",1]]', T.SCALAR_MAP, 'VALUE_TYPE_MISMATCH'],
      ['[[1]]', T.SCALAR_MAP, 'VALUE_TYPE_MISMATCH'],
      ['5', T.ZONED_TIMESTAMP, 'VALUE_TYPE_MISMATCH'],
      ['"x"', T.UUID, 'VALUE_TYPE_MISMATCH'],
      ['"1,5"', T.DECIMAL, 'VALUE_TYPE_MISMATCH'],
      ['"\\ud83d"', T.STRING, 'INVALID_TEXT'],
    ];
    for (const [text, type, code] of cases) {
      if (code === '') assert.doesNotThrow(() => valueFromJson(parseJsonExact(text), type), text);
      else assert.throws(() => valueFromJson(parseJsonExact(text), type), { code }, text);
    }
    assert.deepEqual(valueFromJson(null, T.INT64), new Uint8Array(0));
  });
});
