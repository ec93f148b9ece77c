/**
 * `feast.types.Value` in bytes and in JavaScript.
 *
 * Values travel encoded; these functions are for the places that look inside: JSON, type conversion, tools and tests.
 */
export { type JsValue, type ScalarMapKey, TypedValue, type ZonedTimestamp } from './js-value.ts';
export { decodeTypedValue, decodeValue, isNullValue, valueArm } from './value-decode.ts';
export { encodeValue } from './value-encode.ts';
export { inferValueType } from './value-infer.ts';
