import { isUtf8 } from 'node:buffer';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import type { JsValue } from '../../encoding/js-value.ts';
import { decodeTypedValue, encodeValue } from '../../encoding/value.ts';
import { valueFromJson } from '../../encoding/value-json.ts';
import type { ValueTypeInfo } from '../../encoding/value-type.ts';
import { jsonFromText } from '../text-value.ts';

const NULL = new Uint8Array(0);
const NUMBERS: ReadonlySet<string> = new Set(['int32', 'int64', 'float', 'double', 'unix_timestamp']);
const INTEGERS: ReadonlySet<ValueType_Enum> = new Set([ValueType_Enum.INT32, ValueType_Enum.INT64]);

/**
 * A column of a string map as a serialized `feast.types.Value`: by the rules of CSV fields, except that a text is never null, and
 * that numbers may have blanks around them, as Python's do.
 * @throws EncodingError
 */
export function valueFromPushedText(text: string, info: ValueTypeInfo): Uint8Array {
  const trimmed = info.shape === 'scalar' && NUMBERS.has(info.kind) ? text.trim() : text;
  return valueFromJson(jsonFromText(trimmed, info), info.type);
}

/**
 * A column of `typed_features` as a serialized `feast.types.Value` of the registry's type; zero bytes for a null. The usual value of
 * that very type is a view of `bytes`; anything else is taken apart and laid anew, converted by the rules of `encodeValue`, and a
 * whole number becomes text where text is asked for.
 * @throws EncodingError
 */
export function valueFromPushedValue(bytes: Buffer, start: number, end: number, info: ValueTypeInfo): Uint8Array {
  if (start === end) return NULL;
  if (isPlain(bytes, start, end, info)) return bytes.subarray(start, end);
  const { type, value } = decodeTypedValue(bytes, start, end);
  return encodeValue(convertible(value, type, info), info.type);
}

function convertible(value: JsValue, sent: ValueType_Enum, { shape, kind }: ValueTypeInfo): JsValue {
  return kind === 'string' && shape === 'scalar' && INTEGERS.has(sent) ? String(value) : value;
}

/**
 * Whether the bytes are one scalar of the type, in the form in which every protobuf library writes it. Only says yes where that takes
 * a look at a few bytes; what it does not know is decided by decoding.
 */
function isPlain(bytes: Buffer, start: number, end: number, { shape, kind, type, wireType }: ValueTypeInfo): boolean {
  if (shape !== 'scalar' || type > 15 || bytes[start] !== ((type << 3) | wireType)) return false;
  const length = end - start - 1;
  switch (kind) {
    case 'bool':
      return length === 1 && (bytes[start + 1] === 0 || bytes[start + 1] === 1);
    // Negative numbers have ten bytes, of which some say nothing.
    case 'int32':
      return length <= 4 && isVarint(bytes, start + 1, end);
    case 'int64':
    case 'unix_timestamp':
      return length <= 9 && isVarint(bytes, start + 1, end);
    // An exponent of ones makes an infinity or no number at all, which is stored as a null.
    case 'double':
      return length === 8 && ((bytes[end - 1] ?? 0) & 0x7f) + ((bytes[end - 2] ?? 0) & 0xf0) !== 0x7f + 0xf0;
    case 'float':
      return length === 4 && ((bytes[end - 1] ?? 0) & 0x7f) + ((bytes[end - 2] ?? 0) & 0x80) !== 0x7f + 0x80;
    case 'bytes':
      return isDelimited(bytes, start + 1, end);
    case 'string':
      return isDelimited(bytes, start + 1, end) && isUtf8(bytes.subarray(start + 1, end));
    default:
      return false;
  }
}

/** One varint and nothing else, without a byte that could be left out. */
function isVarint(bytes: Buffer, start: number, end: number): boolean {
  if (start >= end) return false;
  for (let at = start; at < end - 1; at++) if ((bytes[at] ?? 0) < 0x80) return false;
  const last = bytes[end - 1] ?? 0;
  return last < 0x80 && (last > 0 || end - start === 1);
}

/** A length below 128 and that many bytes: the length is a character of ASCII, so that all of it may be looked at as text. */
function isDelimited(bytes: Buffer, start: number, end: number): boolean {
  const length = end - start - 1;
  return length >= 0 && length < 0x80 && bytes[start] === length;
}
