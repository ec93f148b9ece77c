/** Types of array elements, by PostgreSQL's object identifiers. */
export const BYTEA = 17;
export const TEXT = 25;
export const FLOAT8 = 701;
export const TIMESTAMPTZ = 1184;

/** Dimensions, whether there are nulls, type; then of the one dimension the length and the first index. */
const HEAD = 20;

/** An array of one dimension in PostgreSQL's binary format: elements with their lengths in front, -1 for a null. */
export class PostgresArray {
  readonly #type: number;
  #buffer = Buffer.allocUnsafe(1024);
  #pos = HEAD;
  #length = 0;
  #hasNull = false;

  constructor(type: number) {
    this.#type = type;
  }

  get bytes(): number {
    return this.#pos;
  }

  addNull(): void {
    this.#room(4).writeInt32BE(-1, this.#pos);
    this.#pos += 4;
    this.#length++;
    this.#hasNull = true;
  }

  addBytes(source: Uint8Array, start = 0, end = source.length): void {
    const size = end - start;
    const buffer = this.#room(4 + size);
    buffer.writeInt32BE(size, this.#pos);
    buffer.set(start === 0 && size === source.length ? source : source.subarray(start, end), this.#pos + 4);
    this.#pos += 4 + size;
    this.#length++;
  }

  addText(text: string): void {
    // Three bytes for each unit of UTF-16, at most.
    const buffer = this.#room(4 + text.length * 3);
    const size = buffer.write(text, this.#pos + 4, 'utf8');
    buffer.writeInt32BE(size, this.#pos);
    this.#pos += 4 + size;
    this.#length++;
  }

  addInt64(value: bigint): void {
    const buffer = this.#room(12);
    buffer.writeInt32BE(8, this.#pos);
    buffer.writeBigInt64BE(value, this.#pos + 4);
    this.#pos += 12;
    this.#length++;
  }

  addDouble(value: number): void {
    const buffer = this.#room(12);
    buffer.writeInt32BE(8, this.#pos);
    buffer.writeDoubleBE(value, this.#pos + 4);
    this.#pos += 12;
    this.#length++;
  }

  /** What was added, for a parameter; the array is empty then and has other memory. */
  take(): Buffer {
    const buffer = this.#buffer;
    buffer.writeInt32BE(this.#length === 0 ? 0 : 1, 0);
    buffer.writeInt32BE(this.#hasNull ? 1 : 0, 4);
    buffer.writeInt32BE(this.#type, 8);
    buffer.writeInt32BE(this.#length, 12);
    buffer.writeInt32BE(1, 16);
    const array = buffer.subarray(0, this.#length === 0 ? 12 : this.#pos);
    this.#buffer = Buffer.allocUnsafe(buffer.length);
    this.#pos = HEAD;
    this.#length = 0;
    this.#hasNull = false;
    return array;
  }

  #room(size: number): Buffer {
    const needed = this.#pos + size;
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, this.#pos));
      this.#buffer = grown;
    }
    return this.#buffer;
  }
}

/** A `bytea[]` of these elements. */
export function bytesArray(elements: readonly Uint8Array[]): Buffer {
  const array = new PostgresArray(BYTEA);
  for (const element of elements) array.addBytes(element);
  return array.take();
}
