import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** A part is handed out once it has so many bytes: parsing them takes a millisecond or two. */
const partBytes = 32_768;

/** Field of `feast.core.Registry` that holds all version records in one message, and their field in it. */
const historyField = 18;

/**
 * A serialized `feast.core.Registry` in parts, each a message of its own, that make the whole when they are merged in order.
 * @throws RangeError where the message is cut off.
 */
export function* registryParts(bytes: Uint8Array): Generator<Uint8Array> {
  if (bytes.length <= partBytes) {
    yield bytes;
    return;
  }
  const reader = new BinaryReader(bytes);
  let start = 0;
  while (reader.pos < reader.len) {
    const at = reader.pos;
    const [field, wireType] = reader.tag();
    if (field === historyField && wireType === WireType.LengthDelimited) {
      if (at > start) yield bytes.subarray(start, at);
      yield* historyParts(reader.bytes());
      start = reader.pos;
      continue;
    }
    reader.skip(wireType, field);
    if (reader.pos - start < partBytes) continue;
    yield bytes.subarray(start, reader.pos);
    start = reader.pos;
  }
  if (reader.pos > start) yield bytes.subarray(start, reader.pos);
}

function* historyParts(history: Uint8Array): Generator<Uint8Array> {
  const part = (from: number, to: number): Uint8Array =>
    new BinaryWriter().tag(historyField, WireType.LengthDelimited).bytes(history.subarray(from, to)).finish();
  const reader = new BinaryReader(history);
  let start = 0;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    reader.skip(wireType, field);
    if (reader.pos - start < partBytes) continue;
    yield part(start, reader.pos);
    start = reader.pos;
  }
  if (reader.pos > start || history.length === 0) yield part(start, reader.pos);
}
