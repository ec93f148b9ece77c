import { create, toBinary } from '@bufbuild/protobuf';
import { type EntityKey, EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { type Value, ValueSchema, ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { EncodingError } from './encoding-error.ts';
import { SortedKeyLayout } from './entity-key-encoder.ts';
import { compareCodePoints, duplicateJoinKey, type EntityKeyVersion, serializeEntityKeyPrefix } from './join-keys.ts';

export { createEntityKeyEncoder, type EntityKeyEncoder } from './entity-key-encoder.ts';
export { compareCodePoints, type EntityKeyVersion, serializeEntityKeyPrefix, sortedJoinKeys } from './join-keys.ts';

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
    if (!sameBytes(before.value, part.value)) throw duplicateJoinKey(part.name);
  }
  const layout = new SortedKeyLayout(
    kept,
    parts.map((_, i) => i),
    version,
  );
  return layout.encode(parts.map((part) => part.value));
}

/**
 * Reads a version 3 key. Names come back exactly as stored (Feast's own reader drops NUL bytes at their end).
 * @throws EncodingError `MALFORMED_ENTITY_KEY` for bytes that are not such a key, version 2 keys included.
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

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function malformedKey(bytes: Uint8Array): EncodingError {
  return new EncodingError('MALFORMED_ENTITY_KEY', `${bytes.length} bytes are not an entity key of version 3.`, {
    hint: 'Keys that Feast wrote with entity_key_serialization_version 2 can be looked up, but carry no name lengths to read them by.',
  });
}
