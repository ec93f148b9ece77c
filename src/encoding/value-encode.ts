import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { ByteWriter } from './byte-writer.ts';
import { EncodingError } from './encoding-error.ts';
import { TypedValue } from './js-value.ts';
import { parseJsonExact } from './json-exact.ts';
import { jsonDocumentText } from './python-text.ts';
import {
  isPlainObject,
  mismatch,
  toBool,
  toBytes,
  toDecimal,
  toDouble,
  toFloat,
  toInt32,
  toInt64,
  toText,
  toUnixSeconds,
  toUuid,
  toZonedTimestamp,
} from './value-convert.ts';
import { inferValueType } from './value-infer.ts';
import { type ValueKind, type ValueTypeInfo, valueTypeInfo, valueTypeName } from './value-type.ts';
import { assertWellFormed, WIRE_BYTES, WIRE_VARINT } from './wire.ts';

/** Protobuf implementations refuse messages nested deeper than 100; a map level takes three of them. */
const MAX_DEPTH = 30;

const EMPTY = new Uint8Array(0);

/** One for the process: encoding never waits and never starts another encoding. */
const out = new ByteWriter(1024);

/**
 * JavaScript to a serialized `feast.types.Value` of the given type.
 *
 * Conversions are exact or refused: whole numbers come as bigint, safe integer or decimal string, timestamps as Date or whole
 * seconds, bytes as `Uint8Array`, maps as `Map`, plain object or JSON text, lists as array or typed array, sets as those or `Set`
 * (equal elements are written once). null, undefined and, as in Feast, a lone NaN of type DOUBLE or FLOAT give zero bytes: an
 * unset value. With type INVALID the type is inferred from the value.
 *
 * @throws EncodingError `VALUE_TYPE_MISMATCH`, `VALUE_OUT_OF_RANGE`, `VALUE_TYPE_UNKNOWN`, `INVALID_TEXT`, `INVALID_JSON`,
 * `INVALID_TIMESTAMP`.
 */
export function encodeValue(input: unknown, type: ValueType_Enum): Uint8Array {
  if (type === ValueType_Enum.NULL) throw unknownType(type);
  if (input === null || input === undefined) return EMPTY;
  if (typeof input === 'number' && Number.isNaN(input)) {
    if (type === ValueType_Enum.DOUBLE || type === ValueType_Enum.FLOAT || type === ValueType_Enum.INVALID)
      return EMPTY;
  }
  out.reset();
  if (type === ValueType_Enum.INVALID) writeUntyped(out, input, 0);
  else writeValue(out, input, type, 0);
  return out.finish();
}

/** Writes the one field of a Value message. */
function writeValue(out: ByteWriter, input: unknown, type: ValueType_Enum, depth: number): void {
  const info = valueTypeInfo(type);
  if (info === undefined || info.kind === 'null') throw unknownType(type);
  if (input instanceof TypedValue) {
    if (valueTypeInfo(input.type) !== info) throw mismatch(info.name, `a value of type ${info.name}`, input);
    writeValue(out, input.value, type, depth);
    return;
  }
  if (info.shape === 'scalar') {
    out.tag(info.type, info.wireType);
    writeScalar[info.kind](out, input, info.name, depth);
    return;
  }
  out.tag(info.type, WIRE_BYTES);
  const start = out.pos;
  writeElements(out, elementsOf(input, info), info, depth);
  out.prefixLength(start);
}

/** Writes a Value whose type the value itself decides; nothing at all for null. */
function writeUntyped(out: ByteWriter, input: unknown, depth: number): void {
  if (input === null || input === undefined) return;
  const type = inferValueType(input);
  if (type === undefined || type === ValueType_Enum.INVALID) {
    throw new EncodingError(
      'VALUE_TYPE_UNKNOWN',
      'The type of a value cannot be inferred: an empty list, or an object of a class.',
      {
        hint: 'Declare the type, or give a TypedValue.',
      },
    );
  }
  writeValue(out, input, type, depth);
}

type ScalarWriter = (out: ByteWriter, input: unknown, where: string, depth: number) => void;

/** Writes the content of one value, without its tag. */
const writeScalar: Readonly<Record<ValueKind, ScalarWriter>> = {
  bytes: (out, input, where) => out.delimited(toBytes(input, where)),
  string: (out, input, where) => writeText(out, toText(input, where), where),
  int32: (out, input, where) => out.int64(toInt32(input, where)),
  int64: (out, input, where) => out.int64(toInt64(input, where)),
  double: (out, input, where) => out.double(toDouble(input, where)),
  float: (out, input, where) => out.float(toFloat(input, where)),
  bool: (out, input, where) => out.varint(toBool(input, where) ? 1 : 0),
  unix_timestamp: (out, input, where) => out.int64(toUnixSeconds(input, where)),
  uuid: (out, input, where) => out.text(toUuid(input, where)),
  decimal: (out, input, where) => out.text(toDecimal(input, where)),
  json: (out, input, where) => writeText(out, jsonText(input), where),
  map: (out, input, where, depth) => writeNested(out, (inner) => writeMap(inner, input, where, depth)),
  scalar_map: (out, input, where, depth) => writeNested(out, (inner) => writeScalarMap(inner, input, where, depth)),
  zoned_timestamp: (out, input, where) => writeNested(out, (inner) => writeZonedTimestamp(inner, input, where)),
  value: (out, input, _where, depth) => writeNested(out, (inner) => writeElement(inner, input, depth)),
  null: () => {
    throw unknownType(ValueType_Enum.NULL);
  },
};

function writeElements(out: ByteWriter, elements: Iterable<unknown>, info: ValueTypeInfo, depth: number): void {
  const packed = info.wireType !== WIRE_BYTES;
  const seen = info.shape === 'set' ? new Set<string>() : undefined;
  const start = out.pos;
  let index = 0;
  for (const element of elements) {
    const before = out.pos;
    const where = `Element ${index++} of ${info.name}`;
    // Feast puts 0, "" or false in place of a null element: a value that nobody gave.
    if ((element === null || element === undefined) && info.kind !== 'value') throw mismatch(where, 'a value', element);
    if (!packed) out.tag(1, WIRE_BYTES);
    const content = out.pos;
    writeScalar[info.kind](out, element, where, depth);
    if (seen === undefined) continue;
    const key = Buffer.from(out.since(content)).toString('latin1');
    if (seen.has(key)) out.pos = before;
    else seen.add(key);
  }
  if (packed && out.pos > start) {
    out.prefixLength(start);
    out.prefixTag(start, 1, WIRE_BYTES);
  }
}

/** An element of a nested list. Feast stores an empty inner list, whose element type is unknown, as an unset value. */
function writeElement(out: ByteWriter, input: unknown, depth: number): void {
  checkDepth(depth);
  if (Array.isArray(input) && input.length === 0) return;
  writeUntyped(out, input, depth + 1);
}

function writeMap(out: ByteWriter, input: unknown, where: string, depth: number): void {
  checkDepth(depth);
  for (const [key, value] of mapEntries(input, where)) {
    if (typeof key !== 'string') throw mismatch(`A key of ${where}`, 'a string', key);
    out.tag(1, WIRE_BYTES);
    writeNested(out, (entry) => {
      entry.tag(1, WIRE_BYTES);
      writeText(entry, key, `A key of ${where}`);
      entry.tag(2, WIRE_BYTES);
      writeNested(entry, (inner) => writeUntyped(inner, value, depth + 1));
    });
  }
}

function writeScalarMap(out: ByteWriter, input: unknown, where: string, depth: number): void {
  checkDepth(depth);
  if (!(input instanceof Map)) throw mismatch(where, 'a Map whose keys are not strings', input);
  for (const [key, value] of input) {
    out.tag(1, WIRE_BYTES);
    writeNested(out, (entry) => {
      entry.tag(1, WIRE_BYTES);
      writeNested(entry, (inner) => writeMapKey(inner, key, `A key of ${where}`));
      entry.tag(2, WIRE_BYTES);
      writeNested(entry, (inner) => writeUntyped(inner, value, depth + 1));
    });
  }
}

/** Type of a key to its field in `feast.types.MapKey`. */
export const mapKeyFields: ReadonlyMap<ValueType_Enum, number> = new Map([
  [ValueType_Enum.INT32, 1],
  [ValueType_Enum.INT64, 2],
  [ValueType_Enum.FLOAT, 3],
  [ValueType_Enum.DOUBLE, 4],
  [ValueType_Enum.BOOL, 5],
  [ValueType_Enum.UNIX_TIMESTAMP, 6],
  [ValueType_Enum.BYTES, 7],
  [ValueType_Enum.UUID, 8],
  [ValueType_Enum.TIME_UUID, 9],
  [ValueType_Enum.DECIMAL, 10],
]);

function writeMapKey(out: ByteWriter, key: unknown, where: string): void {
  if (key === null) return;
  const type = inferValueType(key);
  const field = type === undefined ? undefined : mapKeyFields.get(type);
  const info = type === undefined ? undefined : valueTypeInfo(type);
  if (field === undefined || info === undefined) {
    throw mismatch(where, 'a number, a boolean, bytes, a Date, or a typed UUID or decimal', key);
  }
  out.tag(field, info.wireType);
  writeScalar[info.kind](out, key instanceof TypedValue ? key.value : key, where, 0);
}

function writeZonedTimestamp(out: ByteWriter, input: unknown, where: string): void {
  const { unixTimestamp, zone } = toZonedTimestamp(input, where);
  if (unixTimestamp !== 0n) {
    out.tag(1, WIRE_VARINT);
    out.int64(unixTimestamp);
  }
  if (zone !== '') {
    out.tag(2, WIRE_BYTES);
    writeText(out, zone, where);
  }
}

function writeText(out: ByteWriter, text: string, where: string): void {
  assertWellFormed(text, where);
  out.text(text);
}

function writeNested(out: ByteWriter, write: (out: ByteWriter) => void): void {
  const start = out.pos;
  write(out);
  out.prefixLength(start);
}

/** A string is a JSON document already and is kept as it is; everything else is written as Python's `json.dumps` does. */
function jsonText(input: unknown): string {
  if (typeof input !== 'string') return jsonDocumentText(input);
  parseJsonExact(input);
  return input;
}

function mapEntries(input: unknown, where: string): Iterable<readonly [unknown, unknown]> {
  const map = typeof input === 'string' ? parseJsonExact(input) : input;
  if (map instanceof Map) return map;
  if (isPlainObject(map)) return Object.entries(map);
  throw mismatch(where, 'a Map, a plain object or a JSON object as text', map);
}

function elementsOf(input: unknown, info: ValueTypeInfo): Iterable<unknown> {
  const list = typeof input === 'string' && info.kind === 'map' ? parseJsonExact(input) : input;
  if (Array.isArray(list)) return list;
  if (list instanceof Set && info.shape === 'set') return list;
  if (ArrayBuffer.isView(list) && !(list instanceof DataView) && !(list instanceof Uint8Array)) {
    return list as unknown as Iterable<unknown>;
  }
  throw mismatch(info.name, info.shape === 'set' ? 'a Set or an array' : 'an array', list);
}

function checkDepth(depth: number): void {
  if (depth >= MAX_DEPTH) {
    throw new EncodingError('VALUE_OUT_OF_RANGE', `A value is nested deeper than ${MAX_DEPTH} levels.`);
  }
}

function unknownType(type: ValueType_Enum): EncodingError {
  return new EncodingError('VALUE_TYPE_UNKNOWN', `Type ${valueTypeName(type)} has no values.`);
}
