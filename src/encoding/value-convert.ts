import { EncodingError } from './encoding-error.ts';
import { TypedValue, type ZonedTimestamp } from './js-value.ts';

/** Exact conversions from JavaScript to the scalar types of the protocol. `where` names the place in error messages. */

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const INTEGER_TEXT = /^[+-]?[0-9]{1,20}$/;
/** Fewer characters than this, a sign among them, make a safe number. */
const SAFE_TEXT = 16;
const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DECIMAL_TEXT = /^[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?|s?nan[0-9]*)$/i;

/** An int64 as a safe number or a bigint, whichever came in. Takes bigints, whole safe numbers and decimal strings. */
export function toInt64(value: unknown, where: string): number | bigint {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value;
    if (Number.isInteger(value)) {
      throw new EncodingError('VALUE_OUT_OF_RANGE', `${where}: the number lies beyond 2^53 and may not be exact.`, {
        hint: 'Give it as a bigint or a decimal string.',
      });
    }
    throw mismatch(where, 'a whole number', value);
  }
  let exact: bigint;
  if (typeof value === 'bigint') exact = value;
  else if (typeof value === 'string' && INTEGER_TEXT.test(value)) {
    // A zero keeps no sign.
    if (value.length < SAFE_TEXT) return Number(value) + 0;
    exact = BigInt(value.replace(/^\+/, ''));
  } else throw mismatch(where, 'a whole number', value);
  if (exact < INT64_MIN || exact > INT64_MAX) {
    throw new EncodingError('VALUE_OUT_OF_RANGE', `${where}: the number does not fit into 64 bits.`);
  }
  return exact;
}

export function toInt32(value: unknown, where: string): number {
  const exact = Number(toInt64(value, where));
  if (exact < -0x8000_0000 || exact > 0x7fff_ffff) {
    throw new EncodingError('VALUE_OUT_OF_RANGE', `${where}: the number does not fit into 32 bits.`);
  }
  return exact;
}

/** A double. Bigints are taken where they are exact. */
export function toDouble(value: unknown, where: string): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'bigint') throw mismatch(where, 'a number', value);
  const near = Number(value);
  if (!Number.isFinite(near) || BigInt(near) !== value) {
    throw new EncodingError('VALUE_OUT_OF_RANGE', `${where}: the whole number has no exact double.`);
  }
  return near;
}

/** A float32: rounded to the nearest, but a finite number never becomes infinite. */
export function toFloat(value: unknown, where: string): number {
  const exact = toDouble(value, where);
  const rounded = Math.fround(exact);
  if (Number.isFinite(exact) && !Number.isFinite(rounded)) {
    throw new EncodingError('VALUE_OUT_OF_RANGE', `${where}: the number is too large for a 32-bit float.`);
  }
  return rounded;
}

export function toBool(value: unknown, where: string): boolean {
  if (typeof value !== 'boolean') throw mismatch(where, 'true or false', value);
  return value;
}

export function toBytes(value: unknown, where: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw mismatch(where, 'bytes (Uint8Array)', value);
  return value;
}

export function toText(value: unknown, where: string): string {
  if (typeof value !== 'string') throw mismatch(where, 'a string', value);
  return value;
}

/** A UUID in its hyphenated form; letters keep their case, as in Feast. */
export function toUuid(value: unknown, where: string): string {
  if (typeof value !== 'string' || !UUID_TEXT.test(value)) throw mismatch(where, 'a UUID string', value);
  return value;
}

/** A decimal number as text, kept digit by digit; the syntax is that of Python's `Decimal`. */
export function toDecimal(value: unknown, where: string): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'string' || !DECIMAL_TEXT.test(value))
    throw mismatch(where, 'a decimal number as a string', value);
  return value;
}

/** Seconds since 1970: a Date (its fraction cut off towards 1970, as Feast does) or whole seconds as in {@link toInt64}. */
export function toUnixSeconds(value: unknown, where: string): number | bigint {
  if (!(value instanceof Date)) return toInt64(value, where);
  const milliseconds = value.getTime();
  if (Number.isNaN(milliseconds)) throw new EncodingError('INVALID_TIMESTAMP', `${where}: the Date is invalid.`);
  return Math.trunc(milliseconds / 1000);
}

/** A Date is shown in UTC, which is what an empty zone means. */
export function toZonedTimestamp(value: unknown, where: string): ZonedTimestamp {
  if (value instanceof Date) return { unixTimestamp: BigInt(toUnixSeconds(value, where)), zone: 'UTC' };
  if (typeof value !== 'object' || value === null || !('unixTimestamp' in value)) {
    throw mismatch(where, 'a Date or { unixTimestamp, zone }', value);
  }
  const zone = 'zone' in value ? toText(value.zone, `${where}, zone`) : '';
  return { unixTimestamp: BigInt(toUnixSeconds(value.unixTimestamp, where)), zone };
}

/** True for `{…}` and `Object.create(null)`; false for instances of classes. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

export function mismatch(where: string, expected: string, value: unknown): EncodingError {
  return new EncodingError('VALUE_TYPE_MISMATCH', `${where} takes ${expected}, but got ${describeType(value)}.`);
}

/** What kind of thing a value is, without showing it. */
function describeType(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'number') return Number.isInteger(value) ? 'a whole number' : 'a number with a fraction, or NaN';
  if (typeof value === 'bigint') return 'a whole number';
  if (typeof value === 'string') return 'a string';
  if (typeof value === 'boolean') return 'a boolean';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Date) return 'a date';
  if (value instanceof TypedValue) return 'a typed value';
  if (Array.isArray(value) || value instanceof Set || ArrayBuffer.isView(value)) return 'a list';
  if (value instanceof Map || isPlainObject(value)) return 'a map';
  return `a ${typeof value}`;
}
