import type { SeededRandom } from '../support/seeded-random.ts';

interface Field {
  readonly number: number;
  readonly wireType: number;
  /** The whole field. */
  readonly bytes: Buffer;
  /** Of a length-delimited field. */
  readonly content: Buffer | undefined;
}

const MAX_DEPTH = 6;

/**
 * Changes a protobuf message as a message: fields doubled, left out, exchanged, put into one another, of another number or wire type,
 * with lengths that are wrong. Lengths around the change stay right, so that a parser gets as far as the change.
 */
export function mutateFields(random: SeededRandom, bytes: Buffer, depth = 0): Buffer {
  const fields = fieldsOf(bytes);
  if (fields === undefined || fields.length === 0) return withWrongTail(random, bytes);
  const at = random(fields.length);
  const field = fields[at];
  if (field === undefined) return bytes;
  const { content } = field;
  if (content !== undefined && content.length > 0 && depth < MAX_DEPTH && random(3) > 0) {
    fields[at] = delimited(field.number, mutateFields(random, content, depth + 1));
    return joined(fields);
  }
  switch (random(9)) {
    case 0:
      fields.splice(random(fields.length + 1), 0, field);
      break;
    case 1:
      fields.splice(at, 1);
      break;
    case 2:
      fields.push(...fields.splice(at, 1));
      break;
    case 3:
      fields[at] = withTag(field, random(2) === 0 ? 1 + random(60) : field.number, random(8));
      break;
    case 4:
      fields[at] = delimited(field.number, wrapped(random, field.bytes, field.number));
      break;
    case 5:
      if (content !== undefined)
        fields[at] = raw(
          field,
          Buffer.concat([tagOf(field.number, 2), varint(wrongLength(random, content.length)), content]),
        );
      else fields[at] = raw(field, Buffer.concat([tagOf(field.number, 0), varint(2 ** random(53))]));
      break;
    case 6:
      fields[at] = raw(field, grouped(random, field.bytes));
      break;
    case 7: {
      const other = fields[random(fields.length)];
      if (other?.content !== undefined) fields[at] = delimited(field.number, other.content);
      break;
    }
    default:
      fields[at] = delimited(field.number, Buffer.from(Array.from({ length: random(12) }, () => random(256))));
  }
  return joined(fields);
}

function joined(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.map((field) => field.bytes));
}

function withWrongTail(random: SeededRandom, bytes: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, random(bytes.length + 1)), Buffer.from([random(256), random(256)])]);
}

function raw(field: Field, bytes: Buffer): Field {
  return { ...field, bytes, content: undefined };
}

function withTag(field: Field, number: number, wireType: number): Field {
  const value = field.content ?? field.bytes.subarray(1);
  const length = wireType === 2 ? varint(value.length) : Buffer.alloc(0);
  return raw(field, Buffer.concat([tagOf(number, wireType), length, value]));
}

function delimited(number: number, content: Buffer): Field {
  return { number, wireType: 2, content, bytes: Buffer.concat([tagOf(number, 2), varint(content.length), content]) };
}

/** The message in a message of the same number, and so on: a few levels, or hundreds. */
function wrapped(random: SeededRandom, bytes: Buffer, number: number): Buffer {
  let inner = bytes;
  for (let left = 1 + random(random(4) === 0 ? 400 : 8); left > 0; left--) inner = delimited(number, inner).bytes;
  return inner;
}

/** The field within groups, which may not all be closed. */
function grouped(random: SeededRandom, bytes: Buffer): Buffer {
  const number = 1 + random(60);
  const depth = 1 + random(random(4) === 0 ? 200 : 3);
  const closed = random(4) === 0 ? random(depth) : depth;
  const start = Array.from({ length: depth }, () => tagOf(number, 3));
  return Buffer.concat([...start, bytes, ...Array.from({ length: closed }, () => tagOf(number, 4))]);
}

function wrongLength(random: SeededRandom, length: number): number {
  return (
    [0, Math.max(0, length - 1), length + 1, length + random(200), 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 52][random(8)] ??
    0
  );
}

/** The fields of a message; nothing where the bytes are none, or hold groups. */
function fieldsOf(bytes: Buffer): Field[] | undefined {
  const fields: Field[] = [];
  let at = 0;
  while (at < bytes.length) {
    const start = at;
    const tag = readVarint(bytes, at);
    if (tag === undefined || tag.value < 8) return undefined;
    at = tag.end;
    const wireType = tag.value % 8;
    let content: Buffer | undefined;
    if (wireType === 0) at = readVarint(bytes, at)?.end ?? Number.NaN;
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else if (wireType === 2) {
      const length = readVarint(bytes, at);
      if (length === undefined) return undefined;
      at = length.end + length.value;
      content = bytes.subarray(length.end, at);
    } else return undefined;
    if (!(at <= bytes.length)) return undefined;
    fields.push({ number: Math.floor(tag.value / 8), wireType, bytes: bytes.subarray(start, at), content });
  }
  return fields;
}

function readVarint(bytes: Buffer, start: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let at = start; at < bytes.length && at < start + 10; at++) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * (at - start));
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return undefined;
}

function tagOf(number: number, wireType: number): Buffer {
  return varint(number * 8 + wireType);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
