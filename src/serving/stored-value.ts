import { isUtf8 } from 'node:buffer';
import { EncodingError } from '../encoding/encoding-error.ts';
import { type ValueKind, valueTypes } from '../encoding/value-type.ts';
import { WIRE_BYTES, WIRE_FIXED32, WIRE_FIXED64, WIRE_VARINT, WireReader } from '../encoding/wire.ts';

/** What the bytes of a stored `feast.types.Value` are, as far as an answer has to know. */
export const StoredKind = {
  /** Zero bytes, or the `null_val` arm: a stored null. */
  null: 0,
  /** A well-formed value of the expected type. */
  expected: 1,
  /** A well-formed value of another type. */
  otherType: 2,
  /** No well-formed value. */
  corrupt: 3,
} as const;

export type StoredKind = (typeof StoredKind)[keyof typeof StoredKind];

const NULL_ARM = 19;

/** Wire type of every arm's field by its number; {@link NO_ARM} for numbers that are not an arm's. */
const NO_ARM = 255;
const wireTypes = new Uint8Array(1 << 14).fill(NO_ARM);
/** 1 for arms that are protobuf strings. */
const texts = new Uint8Array(wireTypes.length);
const TEXT_KINDS: ReadonlySet<ValueKind> = new Set<ValueKind>(['string', 'json', 'uuid', 'decimal']);
for (const { type, shape, kind, wireType } of valueTypes()) {
  wireTypes[type] = shape === 'scalar' ? wireType : WIRE_BYTES;
  if (shape === 'scalar' && TEXT_KINDS.has(kind)) texts[type] = 1;
}
/** Texts up to this many bytes are looked at here: that costs less than a call of the runtime. */
const SHORT_TEXT = 64;

/**
 * Classifies `bytes[start, end)` without decoding it: checks that it is exactly one field of `feast.types.Value`, that the
 * field ends where the value ends, and that it is the expected arm in the arm's own wire type, because some readers pass over any
 * other and see a zero, and others read on behind its end. Truncated, padded or shifted bytes never pass: spliced
 * into an answer they would take the neighbouring values with them; and so would text that is not UTF-8, for which readers refuse the
 * whole answer. What lies inside a list or map is not looked at.
 *
 * @param expectedArm field number of the arm that the registry's type means; 0 accepts any.
 */
export function classifyStoredValue(bytes: Uint8Array, start: number, end: number, expectedArm: number): StoredKind {
  if (start === end) return StoredKind.null;
  let pos = start;
  let tag = bytes[pos++] ?? 0;
  if (tag >= 0x80) {
    const high = bytes[pos++] ?? 0x80;
    // Arms go up to 48: two bytes of tag at most.
    if (high >= 0x80 || pos > end) return classifySlowly(bytes, start, end, expectedArm);
    tag = (tag & 0x7f) | (high << 7);
  }
  const arm = tag >>> 3;
  if (!endsExactly(bytes, pos, end, tag & 7)) return classifySlowly(bytes, start, end, expectedArm);
  const wireType = wireTypes[arm] as number;
  if (arm === 0 || (wireType !== (tag & 7) && wireType !== NO_ARM)) return StoredKind.corrupt;
  if (texts[arm] === 1 && !isText(bytes, pos, end)) return StoredKind.corrupt;
  if (arm === expectedArm || (expectedArm === 0 && arm !== NULL_ARM)) return StoredKind.expected;
  return arm === NULL_ARM ? StoredKind.null : StoredKind.otherType;
}

/** Whether the bytes are one field, with a tag of one byte, and nothing else. Its content is not looked at. */
export function isOneField(bytes: Uint8Array, start: number, end: number): boolean {
  const tag = bytes[start] ?? 0x80;
  return tag < 0x80 && endsExactly(bytes, start + 1, end, tag & 7);
}

function endsExactly(bytes: Uint8Array, start: number, end: number, wireType: number): boolean {
  let pos = start;
  switch (wireType) {
    case WIRE_FIXED64:
      return end - pos === 8;
    case WIRE_FIXED32:
      return end - pos === 4;
    case WIRE_VARINT: {
      while (pos < end && (bytes[pos] ?? 0) >= 0x80) pos++;
      return pos === end - 1 && end - start <= 10;
    }
    case WIRE_BYTES: {
      let length = 0;
      let scale = 1;
      while (pos < end) {
        const byte = bytes[pos++] ?? 0;
        length += (byte & 0x7f) * scale;
        if (byte < 0x80) return pos + length === end;
        scale *= 128;
      }
      return false;
    }
    default:
      return false;
  }
}

/** Whether the bytes behind the length at `start` are UTF-8. */
function isText(bytes: Uint8Array, start: number, end: number): boolean {
  let pos = start;
  while ((bytes[pos++] ?? 0) >= 0x80);
  if (end - pos <= SHORT_TEXT) {
    while (pos < end && (bytes[pos] as number) < 0x80) pos++;
    if (pos === end) return true;
  }
  return isUtf8(bytes.subarray(pos, end));
}

/**
 * Legal but unusual bytes: several arms (the last one counts), unknown fields. Or no message at all, or one with an arm that no reader
 * should have to make something of.
 */
function classifySlowly(bytes: Uint8Array, start: number, end: number, expectedArm: number): StoredKind {
  let last = 0;
  try {
    const reader = new WireReader(bytes, start, end);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      const arm = tag >>> 3;
      const wireType = wireTypes[arm] ?? NO_ARM;
      if (wireType !== NO_ARM && wireType !== (tag & 7)) return StoredKind.corrupt;
      if (texts[arm] !== 1) reader.skip(tag & 7);
      else if (!isUtf8(reader.bytes())) return StoredKind.corrupt;
      if (wireType !== NO_ARM) last = arm;
    }
  } catch (error) {
    if (error instanceof EncodingError) return StoredKind.corrupt;
    throw error;
  }
  if (last === 0 || last === NULL_ARM) return StoredKind.null;
  return expectedArm === 0 || last === expectedArm ? StoredKind.expected : StoredKind.otherType;
}
