import { EncodingError } from './encoding-error.ts';

/**
 * Protobuf wire primitives for the paths where a message object per value would cost more than the value.
 * Format: https://protobuf.dev/programming-guides/encoding/
 *
 * Writers take the buffer and a position and return the position behind what they wrote. They do not check room: callers
 * add up sizes first and allocate once.
 */

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_GROUP_START = 3;
export const WIRE_GROUP_END = 4;
export const WIRE_FIXED32 = 5;

const MAX_GROUP_DEPTH = 100;
const TWO_32 = 0x1_0000_0000;

/** Bytes `[start, end)` of `data`: a value that is passed on without a copy. */
export interface EncodedSlice {
  readonly data: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Length in bytes of a varint; `n` is a whole number from 0 to 2^53. */
export function varintSize(n: number): number {
  if (n < 0x80) return 1;
  if (n < 0x4000) return 2;
  if (n < 0x20_0000) return 3;
  if (n < 0x1000_0000) return 4;
  if (n < 0x8_0000_0000) return 5;
  if (n < 0x400_0000_0000) return 6;
  if (n < 0x2_0000_0000_0000) return 7;
  return 8;
}

/** Writes a whole number from 0 to 2^53. */
export function writeVarint(out: Uint8Array, pos: number, n: number): number {
  let at = pos;
  let rest = n;
  while (rest >= 0x8000_0000) {
    out[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    out[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[at++] = rest;
  return at;
}

/** Length of an int64 (or int32) field's varint for a safe integer of either sign. Negative numbers take ten bytes. */
export function int64Size(n: number): number {
  return n < 0 ? 10 : varintSize(n);
}

/** Writes a safe integer of either sign as int64 and int32 fields have it (two's complement). */
export function writeInt64(out: Uint8Array, pos: number, n: number): number {
  if (n >= 0) return writeVarint(out, pos, n);
  let low = (n % TWO_32) >>> 0;
  let high = Math.floor(n / TWO_32) >>> 0;
  let at = pos;
  for (let i = 0; i < 9; i++) {
    out[at++] = (low & 0x7f) | 0x80;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  out[at++] = low;
  return at;
}

/** {@link int64Size} for any int64. */
export function bigintSize(n: bigint): number {
  if (n < 0n) return 10;
  if (n <= 0x1f_ffff_ffff_ffffn) return varintSize(Number(n));
  return n < 0x100_0000_0000_0000n ? 8 : 9;
}

/** {@link writeInt64} for any int64. */
export function writeBigint(out: Uint8Array, pos: number, n: bigint): number {
  let low = Number(n & 0xffff_ffffn);
  let high = Number((n >> 32n) & 0xffff_ffffn);
  let at = pos;
  while (high > 0 || low >= 0x80) {
    out[at++] = (low & 0x7f) | 0x80;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  out[at++] = low;
  return at;
}

/** Writes a field's tag; see the `WIRE_*` constants. Fields up to 15 take one byte, up to 2047 two. */
export function writeTag(out: Uint8Array, pos: number, field: number, wireType: number): number {
  return writeVarint(out, pos, field * 8 + wireType);
}

export function tagSize(field: number): number {
  return varintSize(field * 8);
}

/** Copies `source[start, end)` to `out[pos, …)`. */
export function copyBytes(source: Uint8Array, start: number, end: number, out: Uint8Array, pos: number): number {
  // Measured on Node 20 and 24: below some 48 bytes the loop wins, above it the call into native code pays.
  if (end - start >= 48) {
    out.set(source.subarray(start, end), pos);
    return pos + end - start;
  }
  let at = pos;
  for (let i = start; i < end; i++) out[at++] = source[i] as number;
  return at;
}

/** UTF-8 length of a string. */
export function utf8Size(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}

/** Writes a string as UTF-8. A half surrogate pair becomes U+FFFD; see {@link assertWellFormed}. */
export function writeUtf8(out: Uint8Array, pos: number, text: string): number {
  return pos + utf8Encoder.encodeInto(text, out.subarray(pos)).written;
}

/** Refuses a string that has no UTF-8 form. `what` names it in the message. */
export function assertWellFormed(text: string, what: string): void {
  if (!isWellFormed(text)) {
    throw new EncodingError('INVALID_TEXT', `${what} holds half of a surrogate pair and cannot be written as UTF-8.`);
  }
}

const utf8Encoder = new TextEncoder();
const LONE_SURROGATE = /\p{Surrogate}/u;

function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

/** Length of a google.protobuf.Timestamp message, its own tag and length left out. Zero fields are not written. */
export function timestampSize(seconds: number, nanos: number): number {
  return (seconds === 0 ? 0 : 1 + int64Size(seconds)) + (nanos === 0 ? 0 : 1 + int64Size(nanos));
}

/** Writes a google.protobuf.Timestamp: whole seconds since 1970 (a safe integer of either sign) and 0 to 999,999,999 nanoseconds. */
export function writeTimestamp(out: Uint8Array, pos: number, seconds: number, nanos: number): number {
  let at = pos;
  if (seconds !== 0) {
    out[at++] = 0x08;
    at = writeInt64(out, at, seconds);
  }
  if (nanos !== 0) {
    out[at++] = 0x10;
    at = writeInt64(out, at, nanos);
  }
  return at;
}

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
