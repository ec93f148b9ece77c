import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { EncodingError } from '../../../src/encoding/encoding-error.ts';
import { parsePythonJson } from '../../../src/encoding/json-exact.ts';
import { jsonDocumentText } from '../../../src/encoding/python-text.ts';
import { decodeValue, encodeValue, TypedValue } from '../../../src/encoding/value.ts';
import { memberFromValue, valueFromMember } from '../../../src/stores/mlforge/mlforge-values.ts';

type TypeName = keyof typeof ValueType_Enum;

function read(text: string, type: TypeName): unknown {
  return decodeValue(valueFromMember(parsePythonJson(text), ValueType_Enum[type]));
}

function write(value: unknown, type: TypeName): string {
  return jsonDocumentText(memberFromValue(encodeValue(value, ValueType_Enum[type])), 'python-bare');
}

describe("a member of mlforge's rows", () => {
  const fits: readonly (readonly [text: string, type: TypeName, value: unknown])[] = [
    ['150', 'INT64', 150n],
    ['-9223372036854775808', 'INT64', -(2n ** 63n)],
    ['2147483647', 'INT32', 2_147_483_647],
    ['1767225600', 'UNIX_TIMESTAMP', 1_767_225_600n],
    ['150.0', 'DOUBLE', 150],
    ['150', 'DOUBLE', 150],
    ['1e+16', 'DOUBLE', 1e16],
    ['NaN', 'DOUBLE', Number.NaN],
    ['-Infinity', 'FLOAT', Number.NEGATIVE_INFINITY],
    ['0.10000000149011612', 'FLOAT', Math.fround(0.1)],
    ['true', 'BOOL', true],
    ['""', 'STRING', ''],
    ['"\\ud83d\\ude00"', 'STRING', '😀'],
    ['"12.50"', 'DECIMAL', '12.50'],
    ['{"a": [1, 1.0, null]}', 'JSON', '{"a": [1, 1.0, null]}'],
    ['"[1]"', 'JSON', '[1]'],
    ['[1, NaN]', 'DOUBLE_LIST', [1, Number.NaN]],
    ['[]', 'STRING_LIST', []],
    [
      '{"a": 1, "b": 1.0}',
      'MAP',
      new Map<string, unknown>([
        ['a', 1n],
        ['b', 1],
      ]),
    ],
    ['null', 'INT64', null],
    ['null', 'BYTES', null],
  ];

  for (const [text, type, value] of fits) {
    it(`${text} is ${type}`, () => assert.deepEqual(read(text, type), value));
  }

  const refused: readonly (readonly [text: string, type: TypeName, why: RegExp])[] = [
    ['150.0', 'INT64', /INT64 takes a whole number, but the store holds a number with a fraction or an exponent/],
    ['"150"', 'INT64', /but the store holds a string/],
    ['true', 'INT64', /true or false/],
    ['9223372036854775808', 'INT64', /64 bits/],
    ['2147483648', 'INT32', /32 bits/],
    ['9007199254740993', 'DOUBLE', /no exact double/],
    ['"NaN"', 'DOUBLE', /DOUBLE takes a number, but the store holds a string/],
    ['1e39', 'FLOAT', /too large/],
    ['1', 'BOOL', /true or false, but the store holds a whole number/],
    ['1', 'STRING', /a string, but the store holds a whole number/],
    ['"\\ud83d"', 'STRING', /surrogate/],
    ['"abc"', 'BYTES', /no form for BYTES/],
    ['12.5', 'DECIMAL', /a whole number or a text/],
    ['NaN', 'JSON', /JSON/],
    ['"abc"', 'JSON', /JSON/],
    ['"{}"', 'MAP', /MAP takes an object/],
    ['[1, null]', 'INT64_LIST', /null/],
    ['[1, 2.0]', 'INT64_LIST', /Element 1 of INT64_LIST takes a whole number/],
    ['1', 'INT64_LIST', /a list/],
    ['[1]', 'INT64_SET', /no form for INT64_SET/],
    ['1', 'INVALID', /INVALID/],
  ];

  for (const [text, type, why] of refused) {
    it(`${text} is not ${type}`, () => {
      assert.throws(
        () => read(text, type),
        (error) => error instanceof EncodingError && why.test(error.message),
      );
    });
  }

  it('comes back as the value that was written', () => {
    const values = fc.oneof(
      fc.tuple(fc.constant('INT64' as const), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      fc.tuple(fc.constant('INT32' as const), fc.integer()),
      fc.tuple(fc.constant('DOUBLE' as const), fc.double({ noNaN: true })),
      fc.tuple(fc.constant('FLOAT' as const), fc.float({ noNaN: true })),
      fc.tuple(fc.constant('STRING' as const), fc.string({ unit: 'binary' })),
      fc.tuple(fc.constant('BOOL' as const), fc.boolean()),
      fc.tuple(fc.constant('DOUBLE_LIST' as const), fc.array(fc.double())),
      fc.tuple(fc.constant('STRING_LIST' as const), fc.array(fc.string({ unit: 'grapheme' }))),
      fc.tuple(
        fc.constant('MAP' as const),
        fc.dictionary(fc.string(), fc.oneof(fc.bigInt({ min: 0n, max: 9n }), fc.double())),
      ),
    );
    fc.assert(
      fc.property(values, ([type, value]) => {
        const bytes = encodeValue(value, ValueType_Enum[type]);
        const text = write(value, type);
        const back = valueFromMember(parsePythonJson(text), ValueType_Enum[type]);
        assert.equal(Buffer.from(back).toString('hex'), Buffer.from(bytes).toString('hex'), text);
        assert.match(text, /^[\x20-\x7e]*$/);
      }),
      { numRuns: 500 },
    );
  });

  it('is refused when it would not come back', () => {
    for (const [value, type] of [
      ['12.50', 'DECIMAL'],
      [Buffer.from('a'), 'BYTES'],
      [[1, 2], 'INT64_SET'],
      [['{}'], 'JSON_LIST'],
      [new Map([['a', new TypedValue(ValueType_Enum.INT32, 1)]]), 'MAP'],
      [new Map([['a', Buffer.from('a')]]), 'MAP'],
      [new Date(0), 'ZONED_TIMESTAMP'],
    ] as const) {
      assert.throws(() => write(value, type), EncodingError, type);
    }
  });
});
