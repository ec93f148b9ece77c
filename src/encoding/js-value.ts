import type { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';

/**
 * A `feast.types.Value` in JavaScript.
 *
 * | arm | JavaScript |
 * |---|---|
 * | unset, null_val | `null` |
 * | bytes | `Uint8Array` |
 * | string, uuid, time_uuid, decimal, json | `string` |
 * | int32, float, double | `number` |
 * | int64, unix_timestamp (seconds since 1970) | `bigint` |
 * | bool | `boolean` |
 * | zoned_timestamp | {@link ZonedTimestamp} |
 * | map, struct | `Map` with string keys |
 * | scalar_map | `Map` with {@link ScalarMapKey} keys |
 * | lists and sets | array, in stored order |
 *
 * Values inside maps and nested lists carry their own types. Where the JavaScript value alone would be taken for another type
 * (see `inferValueType`), it stands in a {@link TypedValue}.
 */
export type JsValue =
  | null
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | ZonedTimestamp
  | TypedValue
  | readonly JsValue[]
  | ReadonlyMap<string, JsValue>
  | ReadonlyMap<ScalarMapKey, JsValue>;

/** Key of a scalar map: bigint is int64, number is double; other key types stand in a {@link TypedValue}. */
export type ScalarMapKey = bigint | number | boolean | Uint8Array | TypedValue | null;

/** A point in time, seconds since 1970, with the zone in which it is shown: `Europe/Paris`, `UTC+05:30`, or empty for UTC. */
export interface ZonedTimestamp {
  readonly unixTimestamp: bigint;
  readonly zone: string;
}

/** A value with the type that it is to be stored as. */
export class TypedValue {
  readonly type: ValueType_Enum;
  readonly value: JsValue;

  constructor(type: ValueType_Enum, value: JsValue) {
    this.type = type;
    this.value = value;
  }
}
