import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { ValueType_Enum as T, type Value, ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { EncodingError } from '../../src/encoding/encoding-error.ts';
import {
  decodeTypedValue,
  decodeValue,
  encodeValue,
  inferValueType,
  isNullValue,
  TypedValue,
  valueArm,
} from '../../src/encoding/value.ts';
import { valueFromJson, valueToJson } from '../../src/encoding/value-json.ts';
import { type ValueKind, valueTypeOfArm, valueTypes } from '../../src/encoding/value-type.ts';

type Val = Value['val'];

const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -300n, max: 300n }));
const text = fc.string({ unit: 'grapheme' });
const decimal = fc.tuple(fc.bigInt(), fc.nat(99)).map(([whole, part]) => `${whole}.${part}`);

/** What protobuf-es holds for one value, or one element, of a kind. */
const scalars: Readonly<Record<Exclude<ValueKind, 'null' | 'map' | 'scalar_map' | 'value'>, fc.Arbitrary<unknown>>> = {
  bytes: fc.uint8Array({ maxLength: 60 }),
  string: text,
  int32: fc.integer(),
  int64,
  double: fc.double({ noNaN: true }),
  float: fc.float({ noNaN: true }),
  bool: fc.boolean(),
  unix_timestamp: int64,
  uuid: fc.uuid(),
  decimal,
  json: fc.json(),
  zoned_timestamp: fc.record({ unixTimestamp: int64, zone: fc.constantFrom('', 'UTC', 'Europe/Paris', 'UTC+05:30') }),
};

const mapKey = fc.oneof(
  fc.record({ case: fc.constant('int32Key'), value: fc.integer() }),
  fc.record({ case: fc.constantFrom('int64Key', 'unixTimestampKey'), value: int64 }),
  fc.record({ case: fc.constant('floatKey'), value: fc.float({ noNaN: true }) }),
  fc.record({ case: fc.constant('doubleKey'), value: fc.double({ noNaN: true }) }),
  fc.record({ case: fc.constant('boolKey'), value: fc.boolean() }),
  fc.record({ case: fc.constant('bytesKey'), value: fc.uint8Array({ maxLength: 8 }) }),
  fc.record({ case: fc.constantFrom('uuidKey', 'timeUuidKey'), value: fc.uuid() }),
  fc.record({ case: fc.constant('decimalKey'), value: decimal }),
);

const camel = (arm: string) => arm.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** Values of every arm but null_val, as protobuf-es holds them; depth bounds the nesting. */
function anyValue(depth: number): fc.Arbitrary<Value> {
  const inner =
    depth === 0 ? fc.constant(create(ValueSchema)) : fc.oneof(fc.constant(create(ValueSchema)), anyValue(depth - 1));
  const map = fc.dictionary(text, inner, { maxKeys: 4 }).map((val) => ({ val }));
  const scalarMap = fc
    .uniqueArray(fc.record({ key: mapKey, value: inner }), {
      maxLength: 4,
      selector: ({ key }) => `${key.case} ${key.value}`,
    })
    .map((entries) => ({ val: entries.map(({ key, value }) => ({ key: { key }, value })) }));
  const arms = valueTypes()
    .filter(({ kind }) => kind !== 'null')
    .map(({ arm, kind, shape }) => {
      const one =
        kind === 'map'
          ? map
          : kind === 'scalar_map'
            ? scalarMap
            : kind === 'value'
              ? inner
              : kind === 'null'
                ? fc.constant(0)
                : scalars[kind];
      const many =
        shape === 'set'
          ? fc.uniqueArray(one, { maxLength: 5, selector: (element) => JSON.stringify(toHex(element)) })
          : fc.array(one, { maxLength: 5 });
      const content = shape === 'scalar' ? one : many.map((val) => ({ val }));
      return content.map((value) => create(ValueSchema, { val: { case: camel(arm), value } as Val }));
    });
  return fc.oneof(...arms);
}

/** Something comparable for every kind of element. */
function toHex(element: unknown): unknown {
  if (typeof element === 'bigint') return String(element);
  if (element instanceof Uint8Array) return Buffer.from(element).toString('hex');
  if (typeof element === 'object' && element !== null && '$typeName' in element)
    return Buffer.from(toBinary(ValueSchema, element as Value)).toString('hex');
  return Object.is(element, -0) ? '-0' : element;
}

const fails = (code: string) => (error: unknown) => error instanceof EncodingError && error.code === code;

describe('values', () => {
  it('of every arm round trip to the bytes of protobuf-es', () => {
    const arms = new Set<number>();
    fc.assert(
      fc.property(anyValue(2), (message) => {
        const bytes = toBinary(ValueSchema, message);
        const { type, value } = decodeTypedValue(bytes);
        assert.equal(valueArm(bytes), type);
        arms.add(type);
        assert.deepEqual(encodeValue(value, type), bytes);
        assert.equal(isNullValue(bytes), false);
      }),
      { numRuns: 2000 },
    );
    assert.equal(arms.size, valueTypes().length - 1);
  });

  it('nested in maps carry their types along', () => {
    fc.assert(
      fc.property(anyValue(1), (message) => {
        const bytes = toBinary(
          ValueSchema,
          create(ValueSchema, { val: { case: 'mapVal', value: { val: { k: message } } } }),
        );
        assert.deepEqual(encodeValue(decodeValue(bytes), T.MAP), bytes);
        const { type, value } = decodeTypedValue(toBinary(ValueSchema, message));
        assert.deepEqual(encodeValue(new Map([['k', new TypedValue(type, value)]]), T.MAP), bytes);
      }),
      { numRuns: 500 },
    );
  });

  it('print as JSON that JSON.parse reads', () => {
    fc.assert(
      fc.property(anyValue(2), (message) => {
        try {
          JSON.parse(valueToJson(toBinary(ValueSchema, message)));
        } catch (error) {
          // Zoned timestamps outside the years 1 to 9999 have no ISO form.
          assert.ok(fails('INVALID_TIMESTAMP')(error), String(error));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('that are null, unset or a lone NaN are zero bytes', () => {
    for (const { type, kind } of valueTypes()) {
      if (kind === 'null') continue;
      assert.equal(encodeValue(null, type).length, 0);
      assert.equal(encodeValue(undefined, type).length, 0);
      assert.equal(valueFromJson(null, type).length, 0);
    }
    assert.equal(encodeValue(Number.NaN, T.DOUBLE).length, 0);
    assert.equal(encodeValue(Number.NaN, T.FLOAT).length, 0);
    assert.deepEqual(decodeValue(encodeValue([Number.NaN], T.FLOAT_LIST)), [Number.NaN]);
    for (const hex of ['', '980100', 'f80305']) {
      assert.equal(isNullValue(Buffer.from(hex, 'hex')), true, hex);
      assert.equal(decodeValue(Buffer.from(hex, 'hex')), null, hex);
    }
    assert.equal(valueArm(Buffer.from('980100', 'hex')), 19);
    assert.equal(isNullValue(Buffer.from('9801002001', 'hex')), false);
    // A NaN that another program stored is still one.
    assert.equal(decodeValue(Buffer.from('350000c07f', 'hex')), Number.NaN);
  });

  it('are read as protobuf-es reads them where an arm stands twice or two arms stand', () => {
    fc.assert(
      fc.property(anyValue(1), anyValue(1), (a, b) => {
        const both = Buffer.concat([toBinary(ValueSchema, a), toBinary(ValueSchema, b)]);
        const canonical = toBinary(ValueSchema, fromBinary(ValueSchema, both));
        const expected = decodeTypedValue(canonical);
        const read = decodeTypedValue(both);
        assert.equal(read.type, expected.type);
        // Maps with a key twice keep the place of the first; what they hold is the same.
        assert.deepEqual(read.value, expected.value);
        assert.equal(valueArm(both), valueArm(toBinary(ValueSchema, b)));
      }),
      { numRuns: 1000 },
    );
  });

  it('are malformed where an arm is that a later one replaces, as for other readers', () => {
    const cutOffList = '62030a0280';
    for (const bytes of [`${cutOffList}2005`, `${cutOffList}62030a0161`, `${cutOffList}620161`]) {
      assert.throws(() => fromBinary(ValueSchema, Buffer.from(bytes, 'hex')));
      assert.throws(() => decodeValue(Buffer.from(bytes, 'hex')), { code: 'MALFORMED_MESSAGE' });
    }
  });

  it('may hold numbers one by one instead of packed, and fields of a later protocol', () => {
    const list = new BinaryWriter()
      .tag(1, 0)
      .int64(5)
      .tag(1, 2)
      .fork()
      .int64(-6)
      .int64(7)
      .join()
      .tag(9, 2)
      .string('later')
      .finish();
    const bytes = new BinaryWriter().tag(T.INT64_LIST, 2).bytes(list).tag(200, 5).fixed32(1).finish();
    assert.deepEqual(decodeValue(bytes), [5n, -6n, 7n]);
    assert.equal(valueArm(bytes), T.INT64_LIST);
    // An arm in another wire type is not an arm.
    assert.equal(valueArm(Buffer.from('1a0161', 'hex')), 0);
  });

  it('that are malformed raise an EncodingError and nothing else', () => {
    const mutated = fc
      .tuple(anyValue(2), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), fc.nat())
      .map(([message, changes, cut]) => {
        const bytes = toBinary(ValueSchema, message);
        for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
        return bytes.subarray(0, bytes.length - (cut % 3));
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 50 })), (bytes) => {
        for (const read of [decodeValue, valueArm, isNullValue, valueToJson]) {
          try {
            read(bytes);
          } catch (error) {
            assert.ok(error instanceof EncodingError, String(error));
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('nested deeper than protobuf allows are refused both ways', () => {
    let deep: unknown = 1n;
    for (let i = 0; i < 31; i++) deep = { deep };
    assert.throws(() => encodeValue(deep, T.MAP), fails('VALUE_OUT_OF_RANGE'));
    let bytes = Buffer.alloc(0);
    for (let i = 0; i < 5000; i++) {
      const list = new BinaryWriter().tag(1, 2).bytes(bytes).finish();
      bytes = Buffer.from(new BinaryWriter().tag(T.VALUE_LIST, 2).bytes(list).finish());
    }
    assert.throws(() => decodeValue(bytes), fails('MALFORMED_MESSAGE'));
  });
});

describe('encodeValue', () => {
  const hex = (input: unknown, type: T) => Buffer.from(encodeValue(input, type)).toString('hex');

  it('takes numbers, bigints and decimal text for integers, when they are exact', () => {
    for (const input of [7, 7n, '7', '+7']) {
      assert.equal(hex(input, T.INT64), '2007');
      assert.equal(hex(input, T.INT32), '1807');
    }
    for (const input of ['0', '-0', '+0', '-1', '007', '999999999999999', '-99999999999999', '1234567890123456']) {
      assert.equal(hex(input, T.INT64), hex(BigInt(input.replace('+', '')), T.INT64), input);
    }
    assert.throws(() => encodeValue(2 ** 53, T.INT64), fails('VALUE_OUT_OF_RANGE'));
    assert.throws(() => encodeValue(2n ** 63n, T.INT64), fails('VALUE_OUT_OF_RANGE'));
    assert.throws(() => encodeValue(-(2 ** 31) - 1, T.INT32), fails('VALUE_OUT_OF_RANGE'));
    assert.throws(() => encodeValue('0x10', T.INT64), fails('VALUE_TYPE_MISMATCH'));
    assert.throws(() => encodeValue('', T.INT64), fails('VALUE_TYPE_MISMATCH'));
    assert.throws(() => encodeValue(2n ** 53n + 1n, T.DOUBLE), fails('VALUE_OUT_OF_RANGE'));
  });

  it('takes typed arrays, sets, Dates and plain objects', () => {
    assert.equal(hex(Float32Array.of(0.5), T.FLOAT_LIST), hex([0.5], T.FLOAT_LIST));
    assert.equal(hex(BigInt64Array.of(5n), T.INT64_LIST), hex([5n], T.INT64_LIST));
    assert.equal(hex(new Set(['a']), T.STRING_SET), hex(['a'], T.STRING_SET));
    assert.equal(hex(new Date(1_700_000_000_999), T.UNIX_TIMESTAMP), hex(1_700_000_000, T.UNIX_TIMESTAMP));
    assert.equal(hex({ a: 'x' }, T.STRUCT), hex(new Map([['a', 'x']]), T.STRUCT));
    assert.throws(() => encodeValue(new Set([1n]), T.INT64_LIST), fails('VALUE_TYPE_MISMATCH'));
    assert.throws(() => encodeValue(Uint8Array.of(1), T.INT64_LIST), fails('VALUE_TYPE_MISMATCH'));
    assert.throws(() => encodeValue(new Date(Number.NaN), T.UNIX_TIMESTAMP), fails('INVALID_TIMESTAMP'));
    assert.throws(() => encodeValue(new URL('http://localhost/'), T.MAP), fails('VALUE_TYPE_MISMATCH'));
  });

  it('writes equal elements of a set once', () => {
    assert.deepEqual(decodeValue(encodeValue([3n, 1, '3', 1n], T.INT64_SET)), [3n, 1n]);
    assert.deepEqual(decodeValue(encodeValue([Uint8Array.of(1), Uint8Array.of(1)], T.BYTES_SET)), [Uint8Array.of(1)]);
    assert.deepEqual(decodeValue(encodeValue([[1n], [1n], [2n]], T.VALUE_SET)), [[1n], [2n]]);
    assert.deepEqual(decodeValue(encodeValue([1n, 1n], T.INT64_LIST)), [1n, 1n]);
  });

  it('takes a typed value only for its own type', () => {
    assert.equal(hex(new TypedValue(T.INT32, 5), T.INT32), '1805');
    assert.throws(() => encodeValue(new TypedValue(T.INT32, 5), T.INT64), fails('VALUE_TYPE_MISMATCH'));
  });

  it('infers a type where none is declared', () => {
    const cases: readonly [unknown, T | undefined][] = [
      [1n, T.INT64],
      [1, T.DOUBLE],
      ['a', T.STRING],
      [true, T.BOOL],
      [Uint8Array.of(1), T.BYTES],
      [new Date(0), T.UNIX_TIMESTAMP],
      [{ a: 1 }, T.MAP],
      [new Map([[1n, 'a']]), T.SCALAR_MAP],
      [[1n], T.INT64_LIST],
      [[null, 'a'], T.STRING_LIST],
      [[[1n]], T.VALUE_LIST],
      [[{ a: 1n }], T.MAP_LIST],
      [new Set([1n]), T.INT64_SET],
      [Int32Array.of(1), T.INT32_LIST],
      [new TypedValue(T.UUID, ''), T.UUID],
      [null, T.INVALID],
      [[], undefined],
      [() => 1, undefined],
    ];
    for (const [input, type] of cases) assert.equal(inferValueType(input), type);
    assert.equal(hex(1n, T.INVALID), '2001');
    assert.throws(() => encodeValue([], T.INVALID), fails('VALUE_TYPE_UNKNOWN'));
    assert.throws(() => encodeValue({ a: [] }, T.MAP), fails('VALUE_TYPE_UNKNOWN'));
    assert.throws(() => encodeValue(1n, 99 as T), fails('VALUE_TYPE_UNKNOWN'));
  });

  it('says what was expected and what came, and never shows the value', () => {
    for (const [input, type] of [
      ['secret-1', T.INT64],
      ['secret-1', T.UUID],
      [['secret-1'], T.DOUBLE_LIST],
    ] as const) {
      assert.throws(
        () => encodeValue(input, type),
        (error) => error instanceof EncodingError && !error.describe().includes('secret'),
      );
    }
    assert.throws(
      () => encodeValue([1n, 'x'], T.INT64_LIST),
      /Element 1 of INT64_LIST takes a whole number, but got a string/,
    );
  });

  it('names a type for every arm', () => {
    for (const field of ValueSchema.fields) assert.notEqual(valueTypeOfArm(field.number), T.INVALID);
  });
});
