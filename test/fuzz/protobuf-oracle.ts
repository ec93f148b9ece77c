import { type DescField, type DescMessage, fromBinary, type MessageShape, ScalarType } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/**
 * What protobuf-es makes of bytes. Nothing where it takes them for none of its messages, and where a field has another wire type than
 * its own: protobuf passes over such a field as over an unknown one, and protobuf-es does not.
 */
export function decodedBy<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> | undefined {
  try {
    return hasOwnWireTypes(schema, bytes, 0) ? fromBinary(schema, bytes) : undefined;
  } catch {
    return undefined;
  }
}

/** A message that has to be one; nothing where it holds what protobuf-es cannot pass over, as {@link decodedBy} says. */
export function answeredBy<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> | undefined {
  return hasOwnWireTypes(schema, bytes, 0) ? fromBinary(schema, bytes) : undefined;
}

const MAX_DEPTH = 60;

function hasOwnWireTypes(schema: DescMessage, bytes: Uint8Array, depth: number): boolean {
  if (depth > MAX_DEPTH) return false;
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    // protobuf-es takes these along as unknown fields, and refuses others than protobuf does.
    if (wireType === WireType.StartGroup || wireType === WireType.EndGroup) return false;
    if (wireType === WireType.LengthDelimited && !hasOwnLength(bytes, reader.pos)) return false;
    const field = schema.fields.find((each) => each.number === number);
    if (wireType === WireType.Varint && !hasOwnVarint(bytes, reader.pos)) return false;
    if (field === undefined) {
      reader.skip(wireType, number);
      continue;
    }
    if (isPacked(field, wireType)) {
      if (!isWhole(reader.bytes(), wireTypeOf(field))) return false;
      continue;
    }
    if (wireType !== wireTypeOf(field)) return false;
    const message = messageOf(field);
    if (wireType === WireType.LengthDelimited && message !== undefined) {
      if (!hasOwnWireTypes(message, reader.bytes(), depth + 1)) return false;
    } else if (field.fieldKind === 'map') {
      if (!isOwnEntry(field, reader.bytes(), depth)) return false;
    } else reader.skip(wireType, number);
  }
  return true;
}

/** protobuf-es cuts a length to 32 bits; a length that does not fit is none. */
function hasOwnLength(bytes: Uint8Array, start: number): boolean {
  for (let at = start; at < start + 5; at++) if ((bytes[at] ?? 0) < 0x80) return at < start + 4 || (bytes[at] ?? 0) < 8;
  return false;
}

/** protobuf-es passes over a varint of any length, and protobuf over one of ten bytes at most. */
function hasOwnVarint(bytes: Uint8Array, start: number): boolean {
  for (let at = start; at < start + 10; at++) if ((bytes[at] ?? 0) < 0x80) return true;
  return false;
}

/** Whether packed elements end where they should; protobuf-es reads the last one beyond. */
function isWhole(bytes: Uint8Array, wireType: WireType): boolean {
  if (wireType === WireType.Bit64) return bytes.length % 8 === 0;
  if (wireType === WireType.Bit32) return bytes.length % 4 === 0;
  return (bytes[bytes.length - 1] ?? 0) < 0x80;
}

function messageOf(field: DescField): DescMessage | undefined {
  return field.fieldKind === 'message' || (field.fieldKind === 'list' && field.listKind === 'message')
    ? field.message
    : undefined;
}

function isOwnEntry(field: DescField & { fieldKind: 'map' }, bytes: Uint8Array, depth: number): boolean {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited && !hasOwnLength(bytes, reader.pos)) return false;
    if (number === 2 && field.mapKind === 'message') {
      if (wireType !== WireType.LengthDelimited || !hasOwnWireTypes(field.message, reader.bytes(), depth + 1))
        return false;
      continue;
    }
    const own = number === 1 ? wireTypeOfScalar(field.mapKey) : WireType.LengthDelimited;
    if (number <= 2 && wireType !== own) return false;
    reader.skip(wireType, number);
  }
  return true;
}

function wireTypeOf(field: DescField): WireType {
  if (field.fieldKind === 'enum') return WireType.Varint;
  if (field.fieldKind === 'scalar') return wireTypeOfScalar(field.scalar);
  if (field.fieldKind === 'list' && field.listKind === 'scalar') return wireTypeOfScalar(field.scalar);
  return field.fieldKind === 'list' && field.listKind === 'enum' ? WireType.Varint : WireType.LengthDelimited;
}

function isPacked(field: DescField, wireType: WireType): boolean {
  return wireType === WireType.LengthDelimited && field.fieldKind === 'list' && wireTypeOf(field) !== wireType;
}

function wireTypeOfScalar(type: ScalarType): WireType {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    default:
      return WireType.Varint;
  }
}

/** Whether a text came of valid UTF-8, as far as that can be told: replacement characters stand for what was none. */
export function strictUtf8(text: string): boolean {
  return !text.includes('\ufffd');
}
