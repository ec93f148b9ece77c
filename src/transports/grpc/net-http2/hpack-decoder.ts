import { HeaderField, kindOfFieldName } from './header-field.ts';
import { decodeHuffman } from './hpack-huffman.ts';
import { HpackTable } from './hpack-table.ts';
import { ConnectionFault, DEFAULT_TABLE_SIZE, ErrorCode } from './protocol.ts';

/** Receives the fields of a block in their order. */
export interface FieldSink {
  field(field: HeaderField): void;
}

/** Where strings are unpacked; grows to the largest that was seen, which the bound on blocks bounds. */
let scratch = Buffer.allocUnsafe(4_096);

/** Decodes a client's header blocks (RFC 7541). Every block has to pass through here, in order, whatever becomes of its call. */
export class HpackDecoder {
  readonly table: HpackTable;
  #bytes: Uint8Array = scratch;
  #at = 0;
  #end = 0;

  constructor(tableSize = DEFAULT_TABLE_SIZE) {
    this.table = new HpackTable(tableSize);
  }

  /** @throws ConnectionFault `COMPRESSION_ERROR`; the state of the table is lost then, and the connection with it */
  decode(bytes: Uint8Array, start: number, end: number, sink: FieldSink): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    const { table } = this;
    let fields = 0;
    while (this.#at < end) {
      const first = bytes[this.#at] as number;
      if (first >= 0x80) {
        sink.field(table.get(this.#integer(0x7f)));
      } else if (first >= 0x40) {
        const field = this.#literal(0x3f);
        table.add(field);
        sink.field(field);
      } else if (first >= 0x20) {
        // Section 4.2: only at the beginning of a block.
        if (fields > 0) throw fault('a header table is resized in the middle of a block');
        table.resize(this.#integer(0x1f));
        continue;
      } else {
        sink.field(this.#literal(0x0f));
      }
      fields++;
    }
  }

  /** Section 6.2: a name by index or spelled out, and a value. */
  #literal(mask: number): HeaderField {
    const index = this.#integer(mask);
    if (index === 0) {
      const name = this.#string();
      return new HeaderField(name, this.#string(), kindOfFieldName(name));
    }
    const { name, nameKind } = this.table.get(index);
    return new HeaderField(name, this.#string(), nameKind);
  }

  /** Section 5.1. Nothing here needs more than 28 bits. */
  #integer(mask: number): number {
    const bytes = this.#bytes;
    let value = (bytes[this.#at++] as number) & mask;
    if (value < mask) return value;
    for (let shift = 0; ; shift += 7) {
      if (this.#at >= this.#end) throw fault('a header block ends within a number');
      const byte = bytes[this.#at++] as number;
      if (shift > 21) throw fault('a number in a header block is too large');
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  /** Section 5.2. */
  #string(): string {
    if (this.#at >= this.#end) throw fault('a header block ends before a string');
    const coded = (this.#bytes[this.#at] as number) >= 0x80;
    const length = this.#integer(0x7f);
    const start = this.#at;
    const end = start + length;
    if (end > this.#end) throw fault('a header block ends within a string');
    this.#at = end;
    const room = coded ? Math.ceil((length * 8) / 5) : length;
    if (scratch.length < room) scratch = Buffer.allocUnsafe(room);
    let size = length;
    if (coded) size = decodeHuffman(this.#bytes, start, end, scratch);
    else for (let at = start; at < end; at++) scratch[at - start] = this.#bytes[at] as number;
    return scratch.toString('latin1', 0, size);
  }
}

function fault(message: string): ConnectionFault {
  return new ConnectionFault(ErrorCode.COMPRESSION_ERROR, message);
}
