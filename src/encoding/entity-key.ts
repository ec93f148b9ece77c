import { create, toBinary } from '@bufbuild/protobuf';
import { type EntityKey, EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { type Value, ValueSchema, ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { EncodingError } from './encoding-error.ts';
import { valueTypeName, valueTypeOfArm } from './value-type.ts';
import { assertWellFormed, copyBytes, type EncodedSlice, utf8Size, WireReader, writeUtf8 } from './wire.ts';

/**
 * Feast's entity key serialization: the bytes under which a row is found in every store.
 *
 *     version 3: u32 number of join keys · per join key: u32 2 · u32 length · name · per value: u32 type · u32 length · value
 *     version 2: per join key: u32 2 · name · per value: u32 type · u32 length · value
 *
 * All integers are little-endian; names and values stand in the code point order of the names; `type` is the number in
 * ValueType.Enum. int32 takes 4 bytes, int64 and unix_timestamp 8, strings are UTF-8.
 * Layout learnt from the recorded vectors in test/golden/entity_keys.jsonl; see docs/reference/encoding.md.
 */

export type EntityKeyVersion = 2 | 3;

/** Join keys in the order of their code points, which is Python's; JavaScript's own order is that of UTF-16 units. */
export function sortedJoinKeys(joinKeys: readonly string[]): string[] {
  return [...joinKeys].sort(compareCodePoints);
}

/** Negative, zero or positive, by code points. */
export function compareCodePoints(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates, which stand for code points above U+FFFF, go behind every other unit. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit;
}

/**
 * Serializes an entity key.
 *
 * As in Feast, join keys and values are paired one by one and what is left over on either side is not written; at least one
 * pair is needed unless the key is empty.
 * @throws EncodingError `UNSUPPORTED_ENTITY_KEY_TYPE`, `DUPLICATE_JOIN_KEY` (same name, other value), `MISSING_JOIN_KEY`.
 */
export function serializeEntityKey(key: EntityKey, version: EntityKeyVersion = 3): Uint8Array {
  const pairs = Math.min(key.joinKeys.length, key.entityValues.length);
  if (pairs === 0 && key.joinKeys.length > 0) {
    throw new EncodingError('MISSING_JOIN_KEY', `An entity key for ${key.joinKeys.join(', ')} has no values.`);
  }
  const parts: { name: string; value: Uint8Array }[] = [];
  for (let i = 0; i < pairs; i++) {
    parts.push({ name: key.joinKeys[i] ?? '', value: toBinary(ValueSchema, key.entityValues[i] as Value) });
  }
  parts.sort((a, b) => compareCodePoints(a.name, b.name));
  const kept = parts.map((part) => part.name);
  for (let i = 1; i < parts.length; i++) {
    const [before, part] = [parts[i - 1], parts[i]];
    if (before === undefined || part === undefined || before.name !== part.name) continue;
    if (!sameBytes(before.value, part.value)) throw duplicate(part.name);
  }
  const layout = new SortedKeyLayout(
    kept,
    parts.map((_, i) => i),
    version,
  );
  return layout.encode(parts.map((part) => part.value));
}

/**
 * The bytes with which every entity key of these join keys begins; used to find a view's keys in a store.
 * Version 2 prefixes are ambiguous: their names carry no length.
 */
export function serializeEntityKeyPrefix(joinKeys: readonly string[], version: EntityKeyVersion = 3): Uint8Array {
  const sorted = sortedJoinKeys(joinKeys);
  let size = version === 3 ? 4 : 0;
  for (const name of sorted) {
    assertWellFormed(name, 'A join key name');
    size += (version === 3 ? 8 : 4) + utf8Size(name);
  }
  const out = new Uint8Array(size);
  let at = version === 3 ? writeU32(out, 0, sorted.length) : 0;
  for (const name of sorted) {
    at = writeU32(out, at, ValueType_Enum.STRING);
    if (version === 3) at = writeU32(out, at, utf8Size(name));
    at = writeUtf8(out, at, name);
  }
  return out;
}

/** Lays out the keys of one set of join keys from serialized values, without decoding them into objects. */
export interface EntityKeyEncoder {
  /** The join keys in the order in which values are given. */
  readonly joinKeys: readonly string[];
  readonly version: EntityKeyVersion;
  /**
   * The serialized entity key. `values[i]` is the serialized `feast.types.Value` of `joinKeys[i]`.
   * @throws EncodingError `UNSUPPORTED_ENTITY_KEY_TYPE`, `MALFORMED_MESSAGE`.
   */
  encode(values: readonly Uint8Array[]): Uint8Array;
  /** Length of the key that {@link write} would lay down. Same errors as {@link encode}. */
  size(values: readonly EncodedSlice[]): number;
  /** Writes the key to `out[pos, …)` and returns the position behind it. Same errors as {@link encode}. */
  write(values: readonly EncodedSlice[], out: Uint8Array, pos: number): number;
}

/**
 * Prepares an encoder: join keys are sorted and the constant head of the key is laid once.
 * @throws EncodingError `DUPLICATE_JOIN_KEY` when a name is given twice.
 */
export function createEntityKeyEncoder(joinKeys: readonly string[], version: EntityKeyVersion = 3): EntityKeyEncoder {
  const order = joinKeys.map((_, i) => i).sort((a, b) => compareCodePoints(joinKeys[a] ?? '', joinKeys[b] ?? ''));
  for (let i = 1; i < order.length; i++) {
    const name = joinKeys[order[i] ?? 0] ?? '';
    if (name === joinKeys[order[i - 1] ?? 0]) throw duplicate(name);
  }
  return new SortedKeyLayout(joinKeys, order, version);
}

class SortedKeyLayout implements EntityKeyEncoder {
  readonly joinKeys: readonly string[];
  readonly version: EntityKeyVersion;
  readonly #order: readonly number[];
  readonly #prefix: Uint8Array;

  constructor(joinKeys: readonly string[], order: readonly number[], version: EntityKeyVersion) {
    this.joinKeys = joinKeys;
    this.version = version;
    this.#order = order;
    this.#prefix = serializeEntityKeyPrefix(joinKeys, version);
  }

  encode(values: readonly Uint8Array[]): Uint8Array {
    const slices = values.map((data) => ({ data, start: 0, end: data.length }));
    const out = new Uint8Array(this.size(slices));
    this.write(slices, out, 0);
    return out;
  }

  size(values: readonly EncodedSlice[]): number {
    let size = this.#prefix.length;
    for (const index of this.#order) {
      locate(values[index], this.joinKeys[index] ?? '');
      size += 8 + payloadSize();
    }
    return size;
  }

  write(values: readonly EncodedSlice[], out: Uint8Array, pos: number): number {
    let at = copyBytes(this.#prefix, 0, this.#prefix.length, out, pos);
    for (const index of this.#order) {
      const value = values[index];
      locate(value, this.joinKeys[index] ?? '');
      at = writeU32(out, at, found.type);
      at = writeU32(out, at, payloadSize());
      switch (found.type) {
        case ValueType_Enum.BYTES:
        case ValueType_Enum.STRING:
          at = copyBytes((value as EncodedSlice).data, found.start, found.end, out, at);
          break;
        case ValueType_Enum.INT32:
          at = writeU32(out, at, found.low);
          break;
        default:
          at = writeU32(out, at, found.low);
          at = writeU32(out, at, found.high);
      }
    }
    return at;
  }
}

/** What {@link locate} saw last: one object for the process, so that the hot path makes none per value. */
const found = { type: 0, start: 0, end: 0, low: 0, high: 0 };

function payloadSize(): number {
  switch (found.type) {
    case ValueType_Enum.INT32:
      return 4;
    case ValueType_Enum.INT64:
    case ValueType_Enum.UNIX_TIMESTAMP:
      return 8;
    default:
      return found.end - found.start;
  }
}

/** Finds the arm of a serialized Value and, for numbers, its bits. The last arm wins, as in protobuf. */
function locate(value: EncodedSlice | undefined, joinKey: string): void {
  if (value === undefined) throw new EncodingError('MISSING_JOIN_KEY', `Join key ${joinKey} has no value.`);
  if (locateShort(value.data, value.start, value.end)) return;
  found.type = 0;
  const reader = new WireReader(value.data, value.start, value.end);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    switch (tag) {
      case 0x0a: // bytes_val
      case 0x12: // string_val
        found.start = reader.delimited();
        found.end = reader.pos;
        found.type = tag >>> 3;
        break;
      case 0x18: // int32_val
      case 0x20: // int64_val
      case 0x40: // unix_timestamp_val
        reader.varint64();
        found.low = reader.low;
        found.high = reader.high;
        found.type = tag >>> 3;
        break;
      default:
        reader.skip(tag & 7);
        if (valueTypeOfArm(tag >>> 3) !== ValueType_Enum.INVALID) found.type = -(tag >>> 3);
    }
  }
  if (found.type > 0) return;
  const what = found.type === 0 ? 'no value' : `a value of type ${valueTypeName(-found.type as ValueType_Enum)}`;
  throw new EncodingError('UNSUPPORTED_ENTITY_KEY_TYPE', `Join key ${joinKey} has ${what}.`, {
    hint: 'Entity keys hold STRING, BYTES, INT32, INT64 or UNIX_TIMESTAMP.',
  });
}

/** {@link locate} for nearly every value there is: one field, a text below 128 bytes or a number below 2^28. */
function locateShort(data: Uint8Array, start: number, end: number): boolean {
  if (end - start < 2 || end > data.length) return false;
  const tag = data[start];
  let at = start + 1;
  if (tag === 0x12 || tag === 0x0a) {
    const length = data[at++] as number;
    if (length >= 0x80 || at + length !== end) return false;
    found.start = at;
    found.end = end;
  } else if (tag === 0x20 || tag === 0x18 || tag === 0x40) {
    let bits = 0;
    let shift = 0;
    let byte: number;
    do {
      if (at === end || shift === 28) return false;
      byte = data[at++] as number;
      bits |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte >= 0x80);
    if (at !== end) return false;
    found.low = bits;
    found.high = 0;
  } else return false;
  found.type = tag >>> 3;
  return true;
}

/**
 * Reads a version 3 key. Names come back exactly as stored (Feast's own reader drops NUL bytes at their end).
 * @throws EncodingError `MALFORMED_ENTITY_KEY` for bytes that are no such key, version 2 keys included.
 */
export function deserializeEntityKey(bytes: Uint8Array): EntityKey {
  const reader = new KeyReader(bytes);
  const count = reader.u32();
  // Each join key takes at least 16 bytes, so that a large count cannot make this loop for long.
  if (count > bytes.length / 16) throw malformedKey(bytes);
  const joinKeys: string[] = [];
  for (let i = 0; i < count; i++) {
    if (reader.u32() !== ValueType_Enum.STRING) throw malformedKey(bytes);
    joinKeys.push(reader.text(reader.u32()));
  }
  const entityValues: Value[] = [];
  for (let i = 0; i < count; i++) entityValues.push(reader.value());
  if (!reader.atEnd) throw malformedKey(bytes);
  return create(EntityKeySchema, { joinKeys, entityValues });
}

/**
 * Which serialization a stored key of these join keys has; `undefined` when it is neither (other join keys, other data).
 * `bytes` is the key alone: a store that appends something, as Redis does with the project name, takes it off first.
 */
export function entityKeyVersionOf(bytes: Uint8Array, joinKeys: readonly string[]): EntityKeyVersion | undefined {
  for (const version of [3, 2] as const) {
    const prefix = serializeEntityKeyPrefix(joinKeys, version);
    if (bytes.length < prefix.length || !sameBytes(bytes.subarray(0, prefix.length), prefix)) continue;
    if (holdsValues(bytes, prefix.length, joinKeys.length)) return version;
  }
  return undefined;
}

function holdsValues(bytes: Uint8Array, start: number, count: number): boolean {
  const reader = new KeyReader(bytes, start);
  try {
    for (let i = 0; i < count; i++) reader.value();
  } catch (error) {
    if (error instanceof EncodingError) return false;
    throw error;
  }
  return reader.atEnd;
}

class KeyReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #pos: number;

  constructor(bytes: Uint8Array, start = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#pos = start;
  }

  get atEnd(): boolean {
    return this.#pos === this.#bytes.length;
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  text(length: number): string {
    const start = this.#advance(length);
    try {
      return utf8.decode(this.#bytes.subarray(start, start + length));
    } catch {
      throw malformedKey(this.#bytes);
    }
  }

  value(): Value {
    const type = this.u32();
    const length = this.u32();
    switch (type) {
      case ValueType_Enum.STRING:
        return create(ValueSchema, { val: { case: 'stringVal', value: this.text(length) } });
      case ValueType_Enum.BYTES: {
        const start = this.#advance(length);
        return create(ValueSchema, { val: { case: 'bytesVal', value: this.#bytes.slice(start, start + length) } });
      }
      case ValueType_Enum.INT32:
        if (length !== 4) throw malformedKey(this.#bytes);
        return create(ValueSchema, { val: { case: 'int32Val', value: this.#view.getInt32(this.#advance(4), true) } });
      case ValueType_Enum.INT64:
        return create(ValueSchema, { val: { case: 'int64Val', value: this.#int64(length) } });
      case ValueType_Enum.UNIX_TIMESTAMP:
        return create(ValueSchema, { val: { case: 'unixTimestampVal', value: this.#int64(length) } });
      default:
        throw malformedKey(this.#bytes);
    }
  }

  #int64(length: number): bigint {
    if (length !== 8) throw malformedKey(this.#bytes);
    return this.#view.getBigInt64(this.#advance(8), true);
  }

  #advance(length: number): number {
    const at = this.#pos;
    if (length > this.#bytes.length - at) throw malformedKey(this.#bytes);
    this.#pos = at + length;
    return at;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function writeU32(out: Uint8Array, pos: number, n: number): number {
  out[pos] = n & 0xff;
  out[pos + 1] = (n >>> 8) & 0xff;
  out[pos + 2] = (n >>> 16) & 0xff;
  out[pos + 3] = n >>> 24;
  return pos + 4;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function duplicate(name: string): EncodingError {
  return new EncodingError('DUPLICATE_JOIN_KEY', `Join key ${name} is named twice in one entity key.`);
}

function malformedKey(bytes: Uint8Array): EncodingError {
  return new EncodingError('MALFORMED_ENTITY_KEY', `${bytes.length} bytes are not an entity key of version 3.`, {
    hint: 'Keys that Feast wrote with entity_key_serialization_version 2 can be looked up, but carry no name lengths to read them by.',
  });
}
