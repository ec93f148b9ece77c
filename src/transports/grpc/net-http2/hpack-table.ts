import { HeaderField, kindOfFieldName } from './header-field.ts';
import { staticFields } from './hpack-static-fields.ts';
import { ConnectionFault, ErrorCode } from './protocol.ts';

const fixed: readonly HeaderField[] = staticFields.map(
  ([name, value = '']) => new HeaderField(name, value, kindOfFieldName(name)),
);
const FIXED = fixed.length;

/** The table that a client's header blocks refer to (RFC 7541, section 2.3): the static part, and what the client put into it. */
export class HpackTable {
  /** Largest size that the client may choose. */
  readonly #limit: number;
  #maxSize: number;
  #size = 0;
  /** Oldest first, from {@link #first} on. */
  #fields: HeaderField[] = [];
  #first = 0;
  /** Changes whenever an index may mean another field than before. */
  version = 0;

  /** @param limit as advertised in SETTINGS_HEADER_TABLE_SIZE */
  constructor(limit: number) {
    this.#limit = limit;
    this.#maxSize = limit;
  }

  get size(): number {
    return this.#size;
  }

  /** The field of an index. @throws ConnectionFault when there is none */
  get(index: number): HeaderField {
    const field = index <= FIXED ? fixed[index - 1] : this.#fields[this.#fields.length - (index - FIXED)];
    if (field === undefined || this.#fields.length - this.#first < index - FIXED) {
      throw new ConnectionFault(ErrorCode.COMPRESSION_ERROR, `the header table has no entry ${index}`);
    }
    return field;
  }

  /** Adds a field; one that is larger than the table empties it. */
  add(field: HeaderField): void {
    this.version++;
    this.#evict(this.#maxSize - field.size);
    if (field.size > this.#maxSize) return;
    this.#fields.push(field);
    this.#size += field.size;
  }

  /** @throws ConnectionFault above the limit */
  resize(size: number): void {
    if (size > this.#limit) {
      throw new ConnectionFault(ErrorCode.COMPRESSION_ERROR, `a header table of ${size} bytes is over the limit`);
    }
    this.version++;
    this.#maxSize = size;
    this.#evict(size);
  }

  #evict(size: number): void {
    const { length } = this.#fields;
    while (this.#size > size && this.#first < length) this.#size -= this.#fields[this.#first++]?.size ?? 0;
    // What was evicted is let go when it is as much as what is there, so that adding costs the same whatever the table holds.
    if (this.#first > 32 && this.#first * 2 > length) {
      this.#fields = this.#fields.slice(this.#first);
      this.#first = 0;
    }
  }
}
