import { EncodingError } from './encoding-error.ts';

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_GROUP_START = 3;
export const WIRE_GROUP_END = 4;
export const WIRE_FIXED32 = 5;

/** Half of what readers of protobuf allow: what is read here may be sent on inside other messages. */
const MAX_GROUP_DEPTH = 50;
const TWO_32 = 0x1_0000_0000;

/**
 * Reads one message's fields in place. It never reads outside `[start, end)` and raises `MALFORMED_MESSAGE` for whatever
 * is truncated, overlong, an impossible tag or nested too deep.
 *
 * The usual loop: `for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) switch (tag >>> 3) …`, with `reader.skip(tag & 7)`
 * for what is not wanted.
 */
export class WireReader {
  readonly data: Uint8Array;
  readonly end: number;
  pos: number;
  /** Unsigned 32-bit halves of what {@link varint64} and the methods built on it read last. */
  low = 0;
  high = 0;
  #lastTag = 0;

  constructor(data: Uint8Array, start = 0, end = data.length) {
    this.data = data;
    this.pos = start;
    this.end = Math.min(end, data.length);
  }

  /** The next field's tag, `field << 3 | wireType` as an unsigned number; 0 at the end of the message. */
  tag(): number {
    if (this.pos >= this.end) return 0;
    const first = this.data[this.pos] as number;
    let tag = first;
    if (first < 0x80) this.pos++;
    else {
      tag = this.varint();
      if (tag >= TWO_32) throw this.#malformed('a tag does not fit into 32 bits');
    }
    const wireType = tag & 7;
    if (tag < 8 || wireType > WIRE_FIXED32) throw this.#malformed('a tag has no field number or an unknown wire type');
    this.#lastTag = tag;
    return tag;
  }

  /** An unsigned varint below 2^53: lengths, tags, counts. */
  varint(): number {
    let result = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.#byte();
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (result > Number.MAX_SAFE_INTEGER) throw this.#malformed('a length is larger than 2^53');
        return result;
      }
      scale *= 0x80;
    }
    throw this.#malformed('a varint is longer than ten bytes');
  }

  /** An int64, signed. */
  int64(): bigint {
    this.varint64();
    return (BigInt(this.high | 0) << 32n) | BigInt(this.low);
  }

  /** An int64 as a number where that is exact; raises `MALFORMED_MESSAGE` outside ±2^53. */
  int64Number(): number {
    this.varint64();
    const value = (this.high | 0) * TWO_32 + this.low;
    if (!Number.isSafeInteger(value)) throw this.#malformed('a number lies outside ±2^53');
    return value;
  }

  /** An int32 or enum, signed; higher bits are dropped, as protobuf does. */
  int32(): number {
    this.varint64();
    return this.low | 0;
  }

  bool(): boolean {
    this.varint64();
    return (this.low | this.high) !== 0;
  }

  fixed32(): number {
    const at = this.#advance(4);
    const { data } = this;
    return (
      ((data[at] as number) |
        ((data[at + 1] as number) << 8) |
        ((data[at + 2] as number) << 16) |
        ((data[at + 3] as number) << 24)) >>>
      0
    );
  }

  float(): number {
    scratch.setUint32(0, this.fixed32(), true);
    return scratch.getFloat32(0, true);
  }

  double(): number {
    scratch.setUint32(0, this.fixed32(), true);
    scratch.setUint32(4, this.fixed32(), true);
    return scratch.getFloat64(0, true);
  }

  /** Reads a length and moves behind that many bytes; gives the position of the first of them. */
  delimited(): number {
    const length = this.varint();
    return this.#advance(length);
  }

  /** A length-delimited field's bytes: a view, no copy. */
  bytes(): Uint8Array {
    const start = this.delimited();
    return this.data.subarray(start, this.pos);
  }

  /** A string field. Bytes that are not UTF-8 are malformed. */
  string(): string {
    const start = this.delimited();
    try {
      return utf8Decoder.decode(this.data.subarray(start, this.pos));
    } catch {
      throw this.#malformed('a string is not UTF-8');
    }
  }

  /** A reader for a length-delimited message; this one moves behind it. */
  message(): WireReader {
    const start = this.delimited();
    return new WireReader(this.data, start, this.pos);
  }

  /** Moves behind the value of the tag just read. */
  skip(wireType: number): void {
    this.#skip(wireType, this.#lastTag >>> 3, MAX_GROUP_DEPTH);
  }

  #skip(wireType: number, field: number, depth: number): void {
    switch (wireType) {
      case WIRE_VARINT:
        this.varint64();
        return;
      case WIRE_FIXED64:
        this.#advance(8);
        return;
      case WIRE_BYTES:
        this.delimited();
        return;
      case WIRE_FIXED32:
        this.#advance(4);
        return;
      case WIRE_GROUP_START:
        this.#skipGroup(field, depth);
        return;
      default:
        throw this.#malformed('a group ends that never began');
    }
  }

  #skipGroup(field: number, depth: number): void {
    if (depth === 0) throw this.#malformed(`groups are nested deeper than ${MAX_GROUP_DEPTH}`);
    for (;;) {
      const tag = this.tag();
      if (tag === 0) throw this.#malformed('a group is not closed');
      if ((tag & 7) === WIRE_GROUP_END) {
        if (tag >>> 3 !== field) throw this.#malformed('a group is closed by another field');
        return;
      }
      this.#skip(tag & 7, tag >>> 3, depth - 1);
    }
  }

  /** Reads any varint into {@link low} and {@link high}: int64 bits without a bigint. */
  varint64(): void {
    let low = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.#byte();
      const bits = byte & 0x7f;
      if (i < 4) low |= bits << (7 * i);
      else if (i === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (7 * i - 32);
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw this.#malformed('a varint is longer than ten bytes');
  }

  #byte(): number {
    if (this.pos >= this.end) throw this.#malformed('it ends inside a field');
    return this.data[this.pos++] as number;
  }

  #advance(length: number): number {
    const at = this.pos;
    if (length > this.end - at) throw this.#malformed('it ends inside a field');
    this.pos = at + length;
    return at;
  }

  #malformed(why: string): EncodingError {
    return new EncodingError('MALFORMED_MESSAGE', `A protobuf message is malformed at byte ${this.pos}: ${why}.`);
  }
}

const scratch = new DataView(new ArrayBuffer(8));
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
