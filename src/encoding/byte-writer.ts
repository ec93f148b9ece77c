import { utf8Size, varintSize, writeBigint, writeInt64, writeUtf8, writeVarint } from './wire.ts';

const MAX_KEPT = 0x1_0000;

/** A growing buffer for messages whose size is not known beforehand. Not for the hot path, which sizes first. */
export class ByteWriter {
  pos = 0;
  #buffer: Uint8Array<ArrayBuffer>;
  #view: DataView;

  constructor(capacity = 64) {
    this.#buffer = new Uint8Array(capacity);
    this.#view = new DataView(this.#buffer.buffer);
  }

  tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  varint(n: number): void {
    this.pos = writeVarint(this.#room(10), this.pos, n);
  }

  int64(n: number | bigint): void {
    const out = this.#room(10);
    this.pos = typeof n === 'bigint' ? writeBigint(out, this.pos, n) : writeInt64(out, this.pos, n);
  }

  float(n: number): void {
    this.#room(4);
    this.#view.setFloat32(this.pos, n, true);
    this.pos += 4;
  }

  double(n: number): void {
    this.#room(8);
    this.#view.setFloat64(this.pos, n, true);
    this.pos += 8;
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#room(bytes.length).set(bytes, this.pos);
    this.pos += bytes.length;
  }

  /** A length and that many bytes. */
  delimited(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** A length and a string as UTF-8. */
  text(text: string): void {
    const size = utf8Size(text);
    this.varint(size);
    this.pos = writeUtf8(this.#room(size), this.pos, text);
  }

  /** Forgets what was written, and a buffer that one large value left behind. */
  reset(): void {
    this.pos = 0;
    if (this.#buffer.length > MAX_KEPT) this.#take(new Uint8Array(MAX_KEPT));
  }

  /** What was written from `start` on; a view that later writes may leave behind. */
  since(start: number): Uint8Array {
    return this.#buffer.subarray(start, this.pos);
  }

  /** A copy of everything written. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.pos);
  }

  /** Puts a length in front of what was written from `start` on. */
  prefixLength(start: number): void {
    this.#prefix(start, this.pos - start);
  }

  /** Puts a tag in front of what was written from `start` on. */
  prefixTag(start: number, field: number, wireType: number): void {
    this.#prefix(start, field * 8 + wireType);
  }

  #prefix(start: number, n: number): void {
    const size = varintSize(n);
    this.#room(size).copyWithin(start + size, start, this.pos);
    writeVarint(this.#buffer, start, n);
    this.pos += size;
  }

  #room(bytes: number): Uint8Array {
    const needed = this.pos + bytes;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, this.pos));
      this.#take(grown);
    }
    return this.#buffer;
  }

  #take(buffer: Uint8Array<ArrayBuffer>): void {
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer);
  }
}
