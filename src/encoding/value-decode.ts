import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { EncodingError } from './encoding-error.ts';
import { type JsValue, type ScalarMapKey, TypedValue, type ZonedTimestamp } from './js-value.ts';
import { mapKeyFields } from './value-encode.ts';
import { inferValueType } from './value-infer.ts';
import { type ValueKind, type ValueTypeInfo, valueTypeInfo } from './value-type.ts';
import { WIRE_BYTES, WIRE_VARINT, WireReader } from './wire.ts';

const MAX_DEPTH = 50;

/** Field number of `null_val`. */
const NULL_ARM: number = ValueType_Enum.NULL;

/**
 * Field number of the arm that a serialized `feast.types.Value` holds; 0 when none. As in protobuf the last one counts, and
 * fields that are not an arm, or an arm in another wire type, are passed over.
 * @throws EncodingError `MALFORMED_MESSAGE`
 */
export function valueArm(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const reader = new WireReader(bytes, start, end);
  let arm = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    reader.skip(tag & 7);
    if (armInfo(tag) !== undefined) arm = tag >>> 3;
  }
  return arm;
}

/** True for an unset value (no arm at all) and for `null_val`. */
export function isNullValue(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
  if (start >= end) return true;
  const arm = valueArm(bytes, start, end);
  return arm === 0 || arm === NULL_ARM;
}

/**
 * A serialized `feast.types.Value` in JavaScript; {@link JsValue} says which arm becomes what.
 * @throws EncodingError `MALFORMED_MESSAGE`
 */
export function decodeValue(bytes: Uint8Array, start = 0, end = bytes.length): JsValue {
  return decodeTyped(new WireReader(bytes, start, end), 0).value;
}

/** {@link decodeValue} with the type of the arm; INVALID and null for an unset value and for `null_val`. */
export function decodeTypedValue(bytes: Uint8Array, start = 0, end = bytes.length): TypedValue {
  return decodeTyped(new WireReader(bytes, start, end), 0);
}

const unset = new TypedValue(ValueType_Enum.INVALID, null);

function decodeTyped(reader: WireReader, depth: number): TypedValue {
  if (depth > MAX_DEPTH) {
    throw new EncodingError('MALFORMED_MESSAGE', `A value is nested deeper than ${MAX_DEPTH} levels.`);
  }
  let last: ValueTypeInfo | undefined;
  let value: JsValue = null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const info = armInfo(tag);
    if (info === undefined) {
      reader.skip(tag & 7);
      continue;
    }
    // As other readers do, every arm is read, also one that a later one replaces, and the parts of a message are merged.
    const earlier = info === last ? value : undefined;
    if (info.shape !== 'scalar') value = readElements(reader.message(), info, depth, earlier);
    else if (isMessage(info)) value = readMessage(reader.message(), info.kind, depth, earlier);
    else value = readScalar(reader, info.kind, depth);
    last = info;
  }
  if (last === undefined || last.kind === 'null') return unset;
  return new TypedValue(last.type, value);
}

/** What a tag means as a field of Value; `undefined` when it is not an arm, or not in its wire type. */
function armInfo(tag: number): ValueTypeInfo | undefined {
  const info = valueTypeInfo((tag >>> 3) as ValueType_Enum);
  if (info === undefined || info.type !== tag >>> 3) return undefined;
  const expected = info.shape === 'scalar' ? info.wireType : WIRE_BYTES;
  return (tag & 7) === expected ? info : undefined;
}

function isMessage({ kind }: ValueTypeInfo): boolean {
  return kind === 'map' || kind === 'scalar_map' || kind === 'zoned_timestamp';
}

function readScalar(reader: WireReader, kind: ValueKind, depth: number): JsValue {
  switch (kind) {
    case 'bytes':
      return new Uint8Array(reader.bytes());
    case 'string':
    case 'uuid':
    case 'decimal':
    case 'json':
      return reader.string();
    case 'int32':
      return reader.int32();
    case 'int64':
    case 'unix_timestamp':
      return reader.int64();
    case 'double':
      return reader.double();
    case 'float':
      return reader.float();
    case 'bool':
      return reader.bool();
    case 'null':
      reader.skip(WIRE_VARINT);
      return null;
    default:
      return readMessage(reader.message(), kind, depth);
  }
}

/** @param earlier what the parts before this one gave, of a message that is given in several; it is added to */
function readMessage(reader: WireReader, kind: ValueKind, depth: number, earlier?: JsValue): JsValue {
  switch (kind) {
    case 'map':
      return readMap(reader, depth, earlier as Map<string, JsValue> | undefined);
    case 'scalar_map':
      return readScalarMap(reader, depth, earlier as Map<ScalarMapKey, JsValue> | undefined);
    case 'zoned_timestamp':
      return readZonedTimestamp(reader, earlier as ZonedTimestamp | undefined);
    default:
      return nestedValue(reader, depth);
  }
}

/** Repeated field 1, packed or not. */
function readElements(reader: WireReader, info: ValueTypeInfo, depth: number, earlier?: JsValue): JsValue[] {
  const elements = (earlier as JsValue[] | undefined) ?? [];
  const single = (1 << 3) | info.wireType;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === single) {
      elements.push(readScalar(reader, info.kind, depth));
    } else if (tag === ((1 << 3) | WIRE_BYTES)) {
      const packed = reader.message();
      while (packed.pos < packed.end) elements.push(readScalar(packed, info.kind, depth));
    } else {
      reader.skip(tag & 7);
    }
  }
  return elements;
}

function readMap(reader: WireReader, depth: number, map = new Map<string, JsValue>()): Map<string, JsValue> {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((1 << 3) | WIRE_BYTES)) {
      reader.skip(tag & 7);
      continue;
    }
    let key = '';
    const value = readEntry(reader.message(), depth, (entry) => {
      key = entry.string();
    });
    map.set(key, value);
  }
  return map;
}

function readScalarMap(
  reader: WireReader,
  depth: number,
  map = new Map<ScalarMapKey, JsValue>(),
): Map<ScalarMapKey, JsValue> {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== ((1 << 3) | WIRE_BYTES)) {
      reader.skip(tag & 7);
      continue;
    }
    let key: ScalarMapKey = null;
    const value = readEntry(reader.message(), depth, (entry) => {
      key = readMapKey(entry.message());
    });
    map.set(key, value);
  }
  return map;
}

/** An entry of either kind of map: its key in field 1, its Value in field 2. */
function readEntry(reader: WireReader, depth: number, readKey: (reader: WireReader) => void): JsValue {
  let value: JsValue = null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | WIRE_BYTES)) readKey(reader);
    else if (tag === ((2 << 3) | WIRE_BYTES)) value = nestedValue(reader.message(), depth);
    else reader.skip(tag & 7);
  }
  return value;
}

const typeByMapKeyField: ReadonlyMap<number, ValueType_Enum> = new Map(
  [...mapKeyFields].map(([type, field]) => [field, type]),
);

function readMapKey(reader: WireReader): ScalarMapKey {
  let key: ScalarMapKey = null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const type = typeByMapKeyField.get(tag >>> 3);
    const info = type === undefined ? undefined : valueTypeInfo(type);
    if (info === undefined || info.wireType !== (tag & 7)) {
      reader.skip(tag & 7);
      continue;
    }
    key = unambiguous(new TypedValue(info.type, readScalar(reader, info.kind, 0))) as ScalarMapKey;
  }
  return key;
}

function readZonedTimestamp(reader: WireReader, earlier?: ZonedTimestamp): ZonedTimestamp {
  let { unixTimestamp, zone } = earlier ?? { unixTimestamp: 0n, zone: '' };
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | WIRE_VARINT)) unixTimestamp = reader.int64();
    else if (tag === ((2 << 3) | WIRE_BYTES)) zone = reader.string();
    else reader.skip(tag & 7);
  }
  return { unixTimestamp, zone };
}

function nestedValue(reader: WireReader, depth: number): JsValue {
  return unambiguous(decodeTyped(reader, depth + 1));
}

/** The bare value where its type would be inferred again, else the value with its type. */
function unambiguous(typed: TypedValue): JsValue {
  if (typed.type === ValueType_Enum.INVALID) return null;
  // As keys of a Map, -0 and 0 are one.
  if (Object.is(typed.value, -0)) return typed;
  return inferValueType(typed.value) === typed.type ? typed.value : typed;
}
