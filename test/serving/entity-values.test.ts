import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { type Value, ValueSchema, ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { entityValueFor } from '../../src/serving/entity-values.ts';
import { ServingError } from '../../src/serving/serving-error.ts';
import { defaultServingPolicy, type ServingPolicy } from '../../src/serving/serving-policy.ts';

const { INT32, INT64, STRING, BYTES, UNIX_TIMESTAMP } = ValueType_Enum;

function bytesOf(val: Value['val']): Uint8Array {
  return toBinary(ValueSchema, create(ValueSchema, { val }));
}

function lookedUpAs(
  val: Value['val'],
  valueType: ValueType_Enum,
  policy: ServingPolicy = defaultServingPolicy,
): string {
  const bytes = bytesOf(val);
  const joinKey = { name: 'id', entity: 'thing', valueType };
  const slice = entityValueFor(joinKey, 'id', bytes, 0, bytes.length, 3, policy);
  return Buffer.from(slice.data.subarray(slice.start, slice.end)).toString('hex');
}

const hex = (val: Value['val']) => Buffer.from(bytesOf(val)).toString('hex');

describe('an entity value', () => {
  const converted: [string, Value['val'], ValueType_Enum, Value['val']][] = [
    ['an INT64 for INT64', { case: 'int64Val', value: 5n }, INT64, { case: 'int64Val', value: 5n }],
    ['an INT32 for INT64', { case: 'int32Val', value: -5 }, INT64, { case: 'int64Val', value: -5n }],
    ['an INT64 for INT32', { case: 'int64Val', value: 7n }, INT32, { case: 'int32Val', value: 7 }],
    ['a whole DOUBLE for INT64', { case: 'doubleVal', value: 1001 }, INT64, { case: 'int64Val', value: 1001n }],
    ['a whole FLOAT for INT32', { case: 'floatVal', value: 8 }, INT32, { case: 'int32Val', value: 8 }],
    ['decimal digits for INT64', { case: 'stringVal', value: '-12' }, INT64, { case: 'int64Val', value: -12n }],
    [
      'the largest INT64 as digits',
      { case: 'stringVal', value: '9223372036854775807' },
      INT64,
      { case: 'int64Val', value: 2n ** 63n - 1n },
    ],
    ['an INT64 for STRING', { case: 'int64Val', value: 5n }, STRING, { case: 'stringVal', value: '5' }],
    [
      'an INT64 for UNIX_TIMESTAMP',
      { case: 'int64Val', value: 9n },
      UNIX_TIMESTAMP,
      { case: 'unixTimestampVal', value: 9n },
    ],
  ];
  for (const [what, sent, type, expected] of converted) {
    it(`is found when it is ${what}`, () => assert.equal(lookedUpAs(sent, type), hex(expected)));
  }

  const refused: [string, Value['val'], ValueType_Enum][] = [
    ['null', { case: undefined }, INT64],
    ['the null arm', { case: 'nullVal', value: 0 }, INT64],
    ['text for INT64', { case: 'stringVal', value: 'abc' }, INT64],
    ['digits with a leading zero for INT64', { case: 'stringVal', value: '007' }, INT64],
    ['a number above INT64', { case: 'stringVal', value: '9223372036854775808' }, INT64],
    ['an INT64 above INT32', { case: 'int64Val', value: 2n ** 31n }, INT32],
    ['a fractional DOUBLE for INT64', { case: 'doubleVal', value: 1001.5 }, INT64],
    ['NaN for INT64', { case: 'doubleVal', value: Number.NaN }, INT64],
    ['a BOOL for INT64', { case: 'boolVal', value: true }, INT64],
    ['a list for INT64', { case: 'int64ListVal', value: { $typeName: 'feast.types.Int64List', val: [1n] } }, INT64],
    ['bytes for STRING', { case: 'bytesVal', value: Uint8Array.of(1) }, STRING],
    ['a whole DOUBLE for STRING', { case: 'doubleVal', value: 5 }, STRING],
    ['JSON for INT64', { case: 'jsonVal', value: '5' }, INT64],
    ['a string for BYTES', { case: 'stringVal', value: 'x' }, BYTES],
  ];
  for (const [what, sent, type] of refused) {
    it(`is refused, naming row and column, when it is ${what}`, () => {
      assert.throws(
        () => lookedUpAs(sent, type),
        (error) => {
          assert.ok(error instanceof ServingError);
          assert.equal(error.code, 'INVALID_ENTITY_VALUE');
          assert.match(error.message, /Row 3 of column "id"/);
          return true;
        },
      );
    });
  }

  const malformed: [string, string, ValueType_Enum][] = [
    ['a list that is cut off, and an INT64 behind it', '62030a0280' + '2005', INT64],
    ['a list that is cut off, and a STRING behind it', '62030a0280' + '120178', STRING],
    ['a STRING that is not UTF-8, and an INT64 behind it', '1201ff' + '2005', INT64],
    ['a STRING that is not UTF-8', '1201ff', STRING],
  ];
  for (const [what, bytes, valueType] of malformed) {
    it(`is refused as malformed when it is ${what}: the answer repeats it whole`, () => {
      const value = Buffer.from(bytes, 'hex');
      const joinKey = { name: 'id', entity: 'thing', valueType };
      assert.throws(() => entityValueFor(joinKey, 'id', value, 0, value.length, 3, defaultServingPolicy), {
        code: 'MALFORMED_REQUEST',
        message: 'Row 3 of column "id" is not a valid feast.types.Value.',
      });
    });
  }

  it('is taken as the last of several fields when all of them can be read', () => {
    const value = Buffer.from('2001' + '2005', 'hex');
    const joinKey = { name: 'id', entity: 'thing', valueType: INT64 };
    assert.equal(entityValueFor(joinKey, 'id', value, 0, value.length, 3, defaultServingPolicy).data, value);
  });

  it('is looked up as it was sent when the policy says so', () => {
    const policy: ServingPolicy = { ...defaultServingPolicy, entityTypes: 'as-sent' };
    assert.equal(lookedUpAs({ case: 'int32Val', value: 5 }, INT64, policy), hex({ case: 'int32Val', value: 5 }));
  });
});
