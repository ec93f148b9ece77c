import { create, type JsonValue, toJson } from '@bufbuild/protobuf';
import { type Value, ValueSchema } from '../../gen/feast/types/Value_pb.ts';

/** Short names for the `feast.types.Value` messages that tests send and expect. */
export const int64 = (value: number | bigint): Value =>
  create(ValueSchema, { val: { case: 'int64Val', value: BigInt(value) } });
export const int32 = (value: number): Value => create(ValueSchema, { val: { case: 'int32Val', value } });
export const float = (value: number): Value =>
  create(ValueSchema, { val: { case: 'floatVal', value: Math.fround(value) } });
export const double = (value: number): Value => create(ValueSchema, { val: { case: 'doubleVal', value } });
export const string = (value: string): Value => create(ValueSchema, { val: { case: 'stringVal', value } });
export const bool = (value: boolean): Value => create(ValueSchema, { val: { case: 'boolVal', value } });
export const bytes = (...value: number[]): Value =>
  create(ValueSchema, { val: { case: 'bytesVal', value: Uint8Array.from(value) } });
export const timestamp = (value: number): Value =>
  create(ValueSchema, { val: { case: 'unixTimestampVal', value: BigInt(value) } });
export const int64List = (...val: (number | bigint)[]): Value =>
  create(ValueSchema, { val: { case: 'int64ListVal', value: { val: val.map(BigInt) } } });
export const stringList = (...val: string[]): Value =>
  create(ValueSchema, { val: { case: 'stringListVal', value: { val } } });
export const boolList = (...val: boolean[]): Value =>
  create(ValueSchema, { val: { case: 'boolListVal', value: { val } } });
export const doubleList = (...val: number[]): Value =>
  create(ValueSchema, { val: { case: 'doubleListVal', value: { val } } });
export const floatList = (...val: number[]): Value =>
  create(ValueSchema, { val: { case: 'floatListVal', value: { val: val.map(Math.fround) } } });
export const bytesList = (...val: number[][]): Value =>
  create(ValueSchema, { val: { case: 'bytesListVal', value: { val: val.map((each) => Uint8Array.from(each)) } } });
export const timestampList = (...val: number[]): Value =>
  create(ValueSchema, { val: { case: 'unixTimestampListVal', value: { val: val.map(BigInt) } } });
export const nothing: Value = create(ValueSchema);

/** Arms whose elements have no order. */
const SET_ARM = /Set(Val)?$/;

/** A value as plain JSON in which equal values are deeply equal: sets sorted, maps as objects. */
export function comparableValue(value: Value): JsonValue {
  return sortSets(toJson(ValueSchema, value));
}

function sortSets(json: JsonValue, inSet = false): JsonValue {
  if (Array.isArray(json)) {
    const items = json.map((item) => sortSets(item));
    return inSet ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (json === null || typeof json !== 'object') return json;
  return Object.fromEntries(
    Object.entries(json).map(([key, item]) => [key, sortSets(item, SET_ARM.test(key) || (inSet && key === 'val'))]),
  );
}
