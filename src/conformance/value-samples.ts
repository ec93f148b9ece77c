import { create } from '@bufbuild/protobuf';
import { type Value, ValueSchema, ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import type { ValueArm } from './options.ts';

type HeldArm = Exclude<Value['val'], { case: undefined }>;

/** A value that a feature of this type may have. The name is that of a feature. */
export interface Sample {
  readonly name: string;
  readonly type: ValueType_Enum;
  readonly val: HeldArm;
}

const UUID = '5f7c8a0e-2f4b-4a4e-9a0b-0d6f6a3f1c11';
const TIME_UUID = '8f2c5ed0-ee00-11f0-8000-0242ac120002';
const bytes = [Uint8Array.of(0, 255, 10), Uint8Array.of()];
const map = { val: { a: value({ case: 'int64Val', value: 1n }) } };
const nested = { val: [value({ case: 'int64ListVal', value: { $typeName: 'feast.types.Int64List', val: [1n, 2n] } })] };

/** Every arm but the stated null, which is not a type of a feature. Maps have one entry: their order is not the protocol's. */
const values: { readonly [Arm in Exclude<ValueArm, 'nullVal'>]: readonly [keyof typeof ValueType_Enum, unknown] } = {
  bytesVal: ['BYTES', Uint8Array.of(0, 1, 254, 255)],
  stringVal: ['STRING', 'Zürich 😀\0"\''],
  int32Val: ['INT32', -7],
  int64Val: ['INT64', 9_007_199_254_740_993n],
  doubleVal: ['DOUBLE', 0.1],
  floatVal: ['FLOAT', 0.5],
  boolVal: ['BOOL', true],
  unixTimestampVal: ['UNIX_TIMESTAMP', 1_768_032_000n],
  bytesListVal: ['BYTES_LIST', { val: bytes }],
  stringListVal: ['STRING_LIST', { val: ['a', '', 'ß'] }],
  int32ListVal: ['INT32_LIST', { val: [1, 0, -1] }],
  int64ListVal: ['INT64_LIST', { val: [3n, 0n, -9_007_199_254_740_993n] }],
  doubleListVal: ['DOUBLE_LIST', { val: [1.5, 0, -0.1] }],
  floatListVal: ['FLOAT_LIST', { val: [1.5, 0, -0.25] }],
  boolListVal: ['BOOL_LIST', { val: [true, false, true] }],
  unixTimestampListVal: ['UNIX_TIMESTAMP_LIST', { val: [1n, 1_768_032_000n] }],
  mapVal: ['MAP', map],
  mapListVal: ['MAP_LIST', { val: [map, map] }],
  bytesSetVal: ['BYTES_SET', { val: bytes }],
  stringSetVal: ['STRING_SET', { val: ['b', 'a'] }],
  int32SetVal: ['INT32_SET', { val: [2, 1] }],
  int64SetVal: ['INT64_SET', { val: [2n, 1n] }],
  doubleSetVal: ['DOUBLE_SET', { val: [2.5, 1.5] }],
  floatSetVal: ['FLOAT_SET', { val: [2.5, 1.5] }],
  boolSetVal: ['BOOL_SET', { val: [true, false] }],
  unixTimestampSetVal: ['UNIX_TIMESTAMP_SET', { val: [2n, 1n] }],
  jsonVal: ['JSON', '{"a": [1, 2.0, null]}'],
  jsonListVal: ['JSON_LIST', { val: ['{"a":1}', '[]'] }],
  structVal: ['STRUCT', map],
  structListVal: ['STRUCT_LIST', { val: [map] }],
  uuidVal: ['UUID', UUID],
  timeUuidVal: ['TIME_UUID', TIME_UUID],
  uuidListVal: ['UUID_LIST', { val: [UUID, UUID] }],
  timeUuidListVal: ['TIME_UUID_LIST', { val: [TIME_UUID] }],
  uuidSetVal: ['UUID_SET', { val: [UUID] }],
  timeUuidSetVal: ['TIME_UUID_SET', { val: [TIME_UUID] }],
  listVal: ['VALUE_LIST', nested],
  setVal: ['VALUE_SET', nested],
  decimalVal: ['DECIMAL', '-1.10'],
  decimalListVal: ['DECIMAL_LIST', { val: ['1E+5', '0.10'] }],
  decimalSetVal: ['DECIMAL_SET', { val: ['1.0'] }],
  scalarMapVal: [
    'SCALAR_MAP',
    { val: [{ key: { key: { case: 'int64Key', value: 5n } }, value: value({ case: 'boolVal', value: true }) }] },
  ],
  zonedTimestampVal: ['ZONED_TIMESTAMP', { unixTimestamp: 1_768_032_000n, zone: 'America/Los_Angeles' }],
};

/** One value of every type that a feature may have. */
export const oneOfEveryArm: readonly Sample[] = Object.entries(values).map(([arm, [type, held]]) => {
  return { name: type.toLowerCase(), type: ValueType_Enum[type], val: { case: arm, value: held } as HeldArm };
});

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** What a store that decodes values is likely to change. */
export const extremes: readonly Sample[] = (
  [
    ['bytes_empty', 'bytesVal', Uint8Array.of()],
    ['string_empty', 'stringVal', ''],
    ['string_nul', 'stringVal', '\0'],
    ['string_like_null', 'stringVal', 'null'],
    ['int32_zero', 'int32Val', 0],
    ['int32_min', 'int32Val', -(2 ** 31)],
    ['int32_max', 'int32Val', 2 ** 31 - 1],
    ['int64_zero', 'int64Val', 0n],
    ['int64_min', 'int64Val', INT64_MIN],
    ['int64_max', 'int64Val', INT64_MAX],
    ['double_zero', 'doubleVal', 0],
    ['double_negative_zero', 'doubleVal', -0],
    ['double_nan', 'doubleVal', Number.NaN],
    ['double_infinity', 'doubleVal', Number.POSITIVE_INFINITY],
    ['double_negative_infinity', 'doubleVal', Number.NEGATIVE_INFINITY],
    ['double_smallest', 'doubleVal', 5e-324],
    ['double_largest', 'doubleVal', Number.MAX_VALUE],
    ['double_whole', 'doubleVal', 150],
    ['float_nan', 'floatVal', Number.NaN],
    ['float_smallest', 'floatVal', 2 ** -149],
    ['bool_false', 'boolVal', false],
    ['unix_timestamp_zero', 'unixTimestampVal', 0n],
    ['unix_timestamp_min', 'unixTimestampVal', INT64_MIN],
    ['string_list_empty', 'stringListVal', { val: [] }],
    ['double_list_odd', 'doubleListVal', { val: [Number.NaN, -0, Number.POSITIVE_INFINITY] }],
    ['int64_list_odd', 'int64ListVal', { val: [INT64_MIN, 0n, INT64_MAX] }],
    ['bytes_list_of_empty', 'bytesListVal', { val: [Uint8Array.of()] }],
    ['map_empty', 'mapVal', { val: {} }],
  ] as const
).map(([name, arm, held]) => {
  const [type] = values[arm];
  return { name, type: ValueType_Enum[type], val: { case: arm, value: held } as unknown as HeldArm };
});

function value(val: Value['val']): Value {
  return create(ValueSchema, { val });
}
