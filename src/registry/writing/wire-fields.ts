import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** A field of a serialized message as it stands in the bytes. */
export interface WireField {
  readonly number: number;
  /** The whole field, tag included. */
  readonly bytes: Uint8Array;
  /** What a length-delimited field holds; `undefined` for the other wire types. */
  readonly content: Uint8Array | undefined;
}

/**
 * A serialized message as the list of its fields. Fields that nobody touches are written as they were read, unknown ones
 * included, and stay where they were.
 */
export class WireFields {
  readonly #fields: WireField[];

  /** @throws RangeError where the message is cut off. */
  constructor(bytes: Uint8Array) {
    this.#fields = [...fieldsOf(bytes)];
  }

  numbered(number: number): readonly WireField[] {
    return this.#fields.filter((field) => field.number === number);
  }

  /** Puts content in the place of what a field of this message holds. */
  replace(field: WireField, content: Uint8Array): WireField {
    const replaced = lengthDelimited(field.number, content);
    this.#fields[this.#positionOf(field)] = replaced;
    return replaced;
  }

  remove(field: WireField): void {
    this.#fields.splice(this.#positionOf(field), 1);
  }

  /** Puts a field behind those of the same and of lower numbers: serializers write fields in ascending order. */
  add(number: number, content: Uint8Array): WireField {
    const before = this.#fields.findLastIndex((field) => field.number <= number);
    const added = lengthDelimited(number, content);
    this.#fields.splice(before + 1, 0, added);
    return added;
  }

  /** Makes a field that stands once hold this. */
  set(number: number, content: Uint8Array): void {
    const [first, ...others] = this.numbered(number);
    if (first === undefined) {
      this.add(number, content);
      return;
    }
    this.replace(first, content);
    for (const other of others) this.remove(other);
  }

  toBytes(): Uint8Array {
    return Buffer.concat(this.#fields.map((field) => field.bytes));
  }

  #positionOf(field: WireField): number {
    const position = this.#fields.indexOf(field);
    if (position < 0) throw new TypeError('the field is none of this message');
    return position;
  }
}

function* fieldsOf(bytes: Uint8Array): Generator<WireField> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    let content: Uint8Array | undefined;
    if (wireType === WireType.LengthDelimited) content = reader.bytes();
    else reader.skip(wireType, number);
    if (reader.pos > reader.len) break;
    yield { number, bytes: bytes.subarray(start, reader.pos), content };
  }
  if (reader.pos !== reader.len) throw new RangeError('the message is cut off');
}

function lengthDelimited(number: number, content: Uint8Array): WireField {
  const bytes = new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(content).finish();
  return { number, bytes, content };
}
