import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { EncodingError } from './encoding-error.ts';
import { type JsValue, TypedValue, type ZonedTimestamp } from './js-value.ts';
import { jsonDocumentText, pythonFloatText } from './python-text.ts';
import { formatZoned, offsetText, parseDateTime } from './timestamp.ts';
import { isPlainObject, mismatch } from './value-convert.ts';
import { decodeTypedValue } from './value-decode.ts';
import { encodeValue } from './value-encode.ts';
import { inferValueType } from './value-infer.ts';
import { type ValueKind, valueTypeInfo } from './value-type.ts';

export { type ExactJson, parseJsonExact, parsePythonJson } from './json-exact.ts';
export { pythonFloatText } from './python-text.ts';

/**
 * A serialized `feast.types.Value` as JSON, in the very characters of Feast's HTTP server: whole numbers exact and bare, doubles
 * as Python prints them, NaN and infinities as strings, bytes as base64, JSON documents as strings, timestamps as seconds since
 * 1970, zoned timestamps as ISO 8601 in their zone, sets as lists, scalar maps as null, compact and not escaped to ASCII.
 * @throws EncodingError `MALFORMED_MESSAGE`; `INVALID_TIMESTAMP` for a zoned timestamp outside the years 1 to 9999.
 */
export function valueToJson(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const { type, value } = decodeTypedValue(bytes, start, end);
  return typedText(value, type);
}

function typedText(value: JsValue, type: ValueType_Enum): string {
  const info = valueTypeInfo(type);
  if (value === null || info === undefined) return 'null';
  if (info.shape === 'scalar') return kindText(value, info.kind);
  return `[${(value as readonly JsValue[]).map((element) => kindText(element, info.kind)).join(',')}]`;
}

function kindText(value: JsValue, kind: ValueKind): string {
  switch (kind) {
    case 'double':
    case 'float':
      return Number.isFinite(value) ? pythonFloatText(value as number) : `"${value}"`;
    case 'int32':
    case 'int64':
    case 'unix_timestamp':
    case 'bool':
      return String(value);
    case 'bytes':
      return `"${Buffer.from(value as Uint8Array).toString('base64')}"`;
    case 'map':
      return mapText(value as ReadonlyMap<string, JsValue>);
    case 'zoned_timestamp': {
      const { unixTimestamp, zone } = value as ZonedTimestamp;
      return `"${formatZoned(unixTimestamp, zone)}"`;
    }
    case 'value':
      return untypedText(value);
    case 'scalar_map':
    case 'null':
      return 'null';
    default:
      return JSON.stringify(value);
  }
}

function mapText(map: ReadonlyMap<string, JsValue>): string {
  const members: string[] = [];
  for (const [key, value] of map) members.push(`${JSON.stringify(key)}:${untypedText(value)}`);
  return `{${members.join(',')}}`;
}

function untypedText(value: JsValue): string {
  if (value instanceof TypedValue) return typedText(value.value, value.type);
  return typedText(value, inferValueType(value) ?? ValueType_Enum.INVALID);
}

/**
 * Parsed JSON to a serialized `feast.types.Value` of a type: the way back from {@link valueToJson}.
 *
 * Parse with {@link parseJsonExact}, which keeps int64 exact and tells `1` from `1.0` inside maps. Beyond what `encodeValue` takes:
 * bytes are base64, timestamps may be RFC 3339, doubles may be `"NaN"`, `"Infinity"` and `"-Infinity"`, a JSON value is either its
 * text or any JSON that is not a string, a scalar map is a list of `[key, value]` pairs, a zoned timestamp is ISO 8601 with an offset
 * or `{"unixTimestamp": …, "zone": …}`. null gives zero bytes.
 * @throws EncodingError as `encodeValue`.
 */
export function valueFromJson(json: unknown, type: ValueType_Enum): Uint8Array {
  const info = valueTypeInfo(type);
  if (json === null || json === undefined || info === undefined) return encodeValue(json, type);
  if (info.shape === 'scalar' || !Array.isArray(json)) return encodeValue(fromJson(json, info.kind, info.name), type);
  const elements = json.map((item, i) =>
    item === null ? null : fromJson(item, info.kind, `Element ${i} of ${info.name}`),
  );
  return encodeValue(elements, type);
}

function fromJson(json: unknown, kind: ValueKind, where: string): unknown {
  switch (kind) {
    case 'bytes':
      return fromBase64(json, where);
    case 'double':
    case 'float':
      if (json === 'NaN' || json === 'Infinity' || json === '-Infinity') return Number(json);
      // A JSON number stands for the nearest double, however many digits it has.
      return typeof json === 'bigint' ? Number(json) : json;
    case 'unix_timestamp':
      return typeof json === 'string' && json.includes('-', 1) ? secondsOf(parseDateTime(json)) : json;
    case 'json':
      return typeof json === 'string' ? json : jsonDocumentText(json, 'python');
    case 'scalar_map':
      return scalarMapFromPairs(json, where);
    case 'zoned_timestamp':
      return zonedFromJson(json, where);
    default:
      return json;
  }
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

function fromBase64(json: unknown, where: string): Uint8Array {
  if (typeof json !== 'string') throw mismatch(where, 'a base64 string', json);
  const standard = json.replaceAll('-', '+').replaceAll('_', '/');
  if (!BASE64.test(standard))
    throw new EncodingError('VALUE_TYPE_MISMATCH', `${where} takes a base64 string; this string is not base64.`);
  return new Uint8Array(Buffer.from(standard, 'base64'));
}

function scalarMapFromPairs(json: unknown, where: string): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  if (!Array.isArray(json)) throw mismatch(where, 'a list of [key, value] pairs', json);
  for (const pair of json) {
    if (!Array.isArray(pair) || pair.length !== 2) throw mismatch(where, 'a list of [key, value] pairs', pair);
    map.set(pair[0], pair[1]);
  }
  return map;
}

function zonedFromJson(json: unknown, where: string): unknown {
  if (typeof json === 'string') {
    const { offset, ...time } = parseDateTime(json);
    const zone = offset === undefined ? '' : offset === 0 ? 'UTC' : `UTC${offsetText(offset)}`;
    return { unixTimestamp: BigInt(secondsOf(time)), zone };
  }
  const members = json instanceof Map ? Object.fromEntries(json) : json;
  if (!isPlainObject(members)) throw mismatch(where, 'an ISO 8601 text or { unixTimestamp, zone }', json);
  return members;
}

/** Whole seconds; a fraction is cut off towards 1970, as Feast does. */
function secondsOf(time: { readonly seconds: number; readonly nanos: number }): number {
  return time.seconds < 0 && time.nanos > 0 ? time.seconds + 1 : time.seconds;
}
