import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { EncodingError } from '../../encoding/encoding-error.ts';
import { type JsValue, TypedValue } from '../../encoding/js-value.ts';
import { type ExactJson, parseJsonExact } from '../../encoding/json-exact.ts';
import { jsonDocumentText } from '../../encoding/python-text.ts';
import { decodeTypedValue, encodeValue } from '../../encoding/value.ts';
import { type ValueKind, valueTypeInfo, valueTypeName } from '../../encoding/value-type.ts';

/**
 * mlforge stores a row as one JSON object, without types. The registry's type of a feature says what a member has to be; nothing
 * is converted but a whole number to the double that it exactly is, and a double to the nearest float.
 */

const NAN: ReadonlyMap<ValueType_Enum, Uint8Array> = new Map([
  [ValueType_Enum.DOUBLE, Uint8Array.of(0x29, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f)],
  [ValueType_Enum.FLOAT, Uint8Array.of(0x35, 0, 0, 0xc0, 0x7f)],
]);

/**
 * A member of a stored row as a serialized `feast.types.Value`; null gives zero bytes.
 * @throws EncodingError `VALUE_TYPE_MISMATCH`, `VALUE_OUT_OF_RANGE` or another where it does not fit; never with the value
 */
export function valueFromMember(json: ExactJson, type: ValueType_Enum): Uint8Array {
  if (json === null) return encodeValue(null, type);
  const info = valueTypeInfo(type);
  if (info === undefined) {
    throw new EncodingError('VALUE_TYPE_UNKNOWN', `The registry has the type ${valueTypeName(type)} for it.`);
  }
  // A lone NaN is an unset value elsewhere; mlforge tells it from null.
  const nan = Number.isNaN(json) ? NAN.get(type) : undefined;
  if (nan !== undefined) return nan;
  if (info.shape === 'scalar') return encodeValue(typed(json, info.kind, info.name), type);
  if (info.shape === 'set' || info.kind === 'json') throw noForm(info.name);
  if (!Array.isArray(json)) throw mismatch(info.name, 'a list', json);
  return encodeValue(
    json.map((element, index) =>
      element === null ? null : typed(element, info.kind, `Element ${index} of ${info.name}`),
    ),
    type,
  );
}

/** What `encodeValue` takes for a member that fits. */
function typed(json: ExactJson, kind: ValueKind, where: string): unknown {
  switch (kind) {
    case 'int32':
    case 'int64':
    case 'unix_timestamp':
      if (typeof json !== 'bigint') throw mismatch(where, 'a whole number', json);
      return json;
    case 'double':
    case 'float':
      if (typeof json !== 'bigint' && typeof json !== 'number') throw mismatch(where, 'a number', json);
      return json;
    case 'bool':
      if (typeof json !== 'boolean') throw mismatch(where, 'true or false', json);
      return json;
    case 'string':
    case 'uuid':
      if (typeof json !== 'string') throw mismatch(where, 'a string', json);
      return json;
    case 'decimal':
      // mlforge writes decimals as floats: their digits are gone.
      if (typeof json !== 'bigint' && typeof json !== 'string') throw mismatch(where, 'a whole number or a text', json);
      return json;
    case 'json':
      // A string is a document's text, as a column of texts has it; a document that is a string is never written bare.
      return typeof json === 'string' ? json : jsonDocumentText(json, 'python');
    case 'map':
      if (!(json instanceof Map)) throw mismatch(where, 'an object', json);
      return json;
    case 'value':
      return json;
    default:
      throw noForm(where);
  }
}

/**
 * A serialized value as a member of a row: what `jsonDocumentText` prints the way `json.dumps` would.
 * @throws EncodingError for a value that JSON has no form for, `MALFORMED_MESSAGE` for bytes that are not a value
 */
export function memberFromValue(bytes: Uint8Array): unknown {
  const { type, value } = decodeTypedValue(bytes);
  const member = memberOf(type, value);
  const kind = valueTypeInfo(type)?.kind;
  // Inside maps and nested lists, JSON knows fewer types than values have.
  if ((kind === 'map' || kind === 'value') && !sameValue(type, value, member)) {
    throw new EncodingError('VALUE_TYPE_MISMATCH', 'A map or nested list holds values whose types JSON does not keep.');
  }
  return member;
}

function sameValue(type: ValueType_Enum, value: JsValue, member: unknown): boolean {
  try {
    return Buffer.compare(encodeValue(value, type), encodeValue(member, type)) === 0;
  } catch (error) {
    if (error instanceof EncodingError) return false;
    throw error;
  }
}

function memberOf(type: ValueType_Enum, value: JsValue): unknown {
  const info = valueTypeInfo(type);
  if (value === null || info === undefined) return null;
  if (info.shape === 'scalar') return scalarMember(info.kind, value, info.name);
  if (info.shape === 'set' || info.kind === 'json') throw noForm(info.name);
  return (value as readonly JsValue[]).map((element) => scalarMember(info.kind, element, info.name));
}

function scalarMember(kind: ValueKind, value: JsValue, name: string): unknown {
  switch (kind) {
    case 'int32':
      return BigInt(value as number);
    case 'int64':
    case 'unix_timestamp':
    case 'double':
    case 'float':
    case 'bool':
    case 'string':
    case 'uuid':
      return value;
    case 'json':
      return documentMember(value as string);
    case 'map':
      return new Map([...(value as ReadonlyMap<string, JsValue>)].map(([key, item]) => [key, untypedMember(item)]));
    case 'value':
      return untypedMember(value);
    default:
      throw noForm(name);
  }
}

/** A value inside a map or a nested list. */
function untypedMember(value: JsValue): unknown {
  if (value instanceof TypedValue) return memberOf(value.type, value.value);
  if (Array.isArray(value)) return value.map((item: JsValue) => untypedMember(item));
  if (value instanceof Map) return scalarMember('map', value, 'MAP');
  if (value instanceof Uint8Array || (typeof value === 'object' && value !== null)) {
    throw noForm('BYTES or ZONED_TIMESTAMP');
  }
  return value;
}

/** mlforge has documents as they are, parsed. */
function documentMember(text: string): ExactJson {
  const document = parseJsonExact(text);
  return typeof document === 'string' ? text : document;
}

function noForm(type: string): EncodingError {
  return new EncodingError('VALUE_TYPE_MISMATCH', `mlforge's JSON has no form for ${type}.`, {
    hint: 'For decimals use DOUBLE: mlforge writes them as floats.',
  });
}

function mismatch(where: string, expected: string, json: ExactJson): EncodingError {
  return new EncodingError('VALUE_TYPE_MISMATCH', `${where} takes ${expected}, but the store holds ${kindOf(json)}.`);
}

/** What a member is, without showing it. */
function kindOf(json: ExactJson): string {
  switch (typeof json) {
    case 'bigint':
      return 'a whole number';
    case 'number':
      return 'a number with a fraction or an exponent';
    case 'boolean':
      return 'true or false';
    case 'string':
      return 'a string';
    default:
      return json === null ? 'null' : Array.isArray(json) ? 'a list' : 'an object';
  }
}
