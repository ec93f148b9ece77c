import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { EncodingError } from './encoding-error.ts';
import {
  compareCodePoints,
  duplicateJoinKey,
  type EntityKeyVersion,
  serializeEntityKeyPrefix,
  writeU32,
} from './join-keys.ts';
import { valueTypeName, valueTypeOfArm } from './value-type.ts';
import { copyBytes, type EncodedSlice, WireReader } from './wire.ts';

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
    if (name === joinKeys[order[i - 1] ?? 0]) throw duplicateJoinKey(name);
  }
  return new SortedKeyLayout(joinKeys, order, version);
}

/** Values in any order in, a key in the order of its names out: `order[k]` is the index of the k-th name. */
export class SortedKeyLayout implements EntityKeyEncoder {
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
