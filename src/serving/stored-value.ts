import { EncodingError } from '../encoding/encoding-error.ts';
import { valueArm } from '../encoding/value.ts';
import { valueTypes } from '../encoding/value-type.ts';
import { WIRE_BYTES, WIRE_FIXED32, WIRE_FIXED64, WIRE_VARINT } from '../encoding/wire.ts';

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

/** Wire type of every arm's field by its number; {@link NO_ARM} for numbers that are no arm's. */
const NO_ARM = 255;
const wireTypes = new Uint8Array(1 << 14).fill(NO_ARM);
for (const { type, shape, wireType } of valueTypes()) wireTypes[type] = shape === 'scalar' ? wireType : WIRE_BYTES;

/**
 * Classifies `bytes[start, end)` without decoding it: checks that it is exactly one field of `feast.types.Value`, that the
 * field ends where the value ends, and that it is the expected arm in the arm's own wire type, because readers pass over any other
 * and would see a zero. Truncated, padded or shifted bytes never pass: spliced
 * into an answer they would take the neighbouring values with them. What lies inside a list or map is not looked at.
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
  // A reader would pass over a field of another wire type, and see no value.
  if (arm === 0 || (wireType !== (tag & 7) && wireType !== NO_ARM)) return StoredKind.corrupt;
  if (arm === expectedArm || (expectedArm === 0 && arm !== NULL_ARM)) return StoredKind.expected;
  return arm === NULL_ARM ? StoredKind.null : StoredKind.otherType;
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

/** Legal but unusual bytes: several arms (the last one counts), unknown fields. Or no message at all. */
function classifySlowly(bytes: Uint8Array, start: number, end: number, expectedArm: number): StoredKind {
  let arm: number;
  try {
    arm = valueArm(bytes.subarray(start, end));
  } catch (error) {
    if (error instanceof EncodingError) return StoredKind.corrupt;
    throw error;
  }
  if (arm === 0 || arm === NULL_ARM) return StoredKind.null;
  return expectedArm === 0 || arm === expectedArm ? StoredKind.expected : StoredKind.otherType;
}
