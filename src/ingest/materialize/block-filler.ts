import type { DuckDBDataChunk } from '@duckdb/node-api';
import { ByteWriter } from '../../encoding/byte-writer.ts';
import { createEntityKeyEncoder } from '../../encoding/entity-key.ts';
import { valueTypeInfo } from '../../encoding/value-type.ts';
import { dummyEntity } from '../../registry/dummy-entity.ts';
import type { WriteBlock } from '../../stores/write-block.ts';
import type { LoadPlan } from './load-plan.ts';
import { MASK_BITS, type StagedLayout, type TypedLayout } from './staged-rows.ts';
import type { ColumnForm } from './typed-columns.ts';

/** Turns rows of a staged file into rows of a block. */
export interface BlockFiller {
  /** What the filler reads, in this order; the chunks that it gets have these columns. */
  readonly columns: readonly string[];
  /** Takes the columns of a chunk. */
  begin(chunk: DuckDBDataChunk): void;
  /** Appends one row of the chunk. */
  append(row: number, block: WriteBlock): void;
}

export function createBlockFiller(plan: LoadPlan, layout: StagedLayout): BlockFiller {
  return layout.kind === 'typed' ? new TypedFiller(plan, layout) : new EncodedFiller(plan.features.length);
}

const TWO_32 = 0x1_0000_0000;
/** High half of {@link NO_TIME}, whose low half is 0. No other point in time comes near. */
const NO_TIME_HIGH = -0x8000_0000;

/** What the vectors of DuckDB's client library keep their values in, read where they lie: no object is made per value. */
type Items = Int32Array | Float64Array | Int8Array;

function itemsOf(chunk: DuckDBDataChunk, index: number): Items {
  const { items } = chunk.getColumnVector(index) as unknown as { readonly items: BigInt64Array | Items };
  return items instanceof BigInt64Array ? new Int32Array(items.buffer, items.byteOffset, items.length * 2) : items;
}

interface BytesVector {
  getItemBytes(row: number): Uint8Array | null;
}

/** Times of a chunk: the low and high halves of microseconds since 1970. */
class Times {
  #event: Items = new Int32Array();
  #created: Items = new Int32Array();

  begin(chunk: DuckDBDataChunk): void {
    this.#event = itemsOf(chunk, 0);
    this.#created = itemsOf(chunk, 1);
  }

  end(row: number, block: WriteBlock): void {
    const micros = wholeOf(this.#event, row);
    const seconds = Math.floor(micros / 1e6);
    const nanos = (micros - seconds * 1e6) * 1000;
    if (this.#created[2 * row + 1] === NO_TIME_HIGH) block.endRow(seconds, nanos);
    else {
      const created = wholeOf(this.#created, row);
      const createdSeconds = Math.floor(created / 1e6);
      block.endRow(seconds, nanos, createdSeconds, (created - createdSeconds * 1e6) * 1000);
    }
  }
}

/** Exact below 2^53; times reach that in the year 2255. */
function wholeOf(halves: Items, row: number): number {
  return (halves[2 * row + 1] as number) * TWO_32 + ((halves[2 * row] as number) >>> 0);
}

interface FilledColumn {
  readonly form: ColumnForm;
  /** Field number of the value's arm, shifted, with its wire type. */
  readonly tag: number;
  readonly mask: number;
  readonly bit: number;
}

class TypedFiller implements BlockFiller {
  readonly columns: readonly string[];
  readonly #keys: readonly FilledColumn[];
  readonly #features: readonly FilledColumn[];
  readonly #layout: TypedLayout;
  readonly #encoder;
  readonly #slices: { data: Uint8Array; start: number; end: number }[];
  /** Values of a row's join keys; laid out as a key from there. */
  readonly #scratch = new ByteWriter(256);
  #key = new Uint8Array(256);
  readonly #times = new Times();
  readonly #masks: number;
  #items: Items[] = [];
  #bytes: BytesVector | undefined;
  #rowBytes: Uint8Array | undefined;
  #pos = 0;

  constructor(plan: LoadPlan, layout: TypedLayout) {
    this.#layout = layout;
    let ints = 0;
    const planned = [...plan.joinKeys, ...plan.features];
    const filled = planned.map(({ valueType }, index): FilledColumn => {
      const form = layout.forms[index] ?? 'bytes';
      const info = valueTypeInfo(valueType);
      const column = { form, tag: (info?.type ?? 0) * 8 + (info?.wireType ?? 0) };
      if (form !== 'int') return { ...column, mask: 0, bit: 0 };
      const at = { ...column, mask: planned.length + 2 + Math.floor(ints / MASK_BITS), bit: 1 << (ints % MASK_BITS) };
      ints++;
      return at;
    });
    this.#masks = Math.ceil(ints / MASK_BITS);
    this.#keys = filled.slice(0, plan.joinKeys.length);
    this.#features = filled.slice(plan.joinKeys.length);
    const hasBytes = layout.forms.includes('bytes');
    this.columns = [
      't',
      'c',
      ...planned.map((_, index) => `v${index}`),
      ...Array.from({ length: this.#masks }, (_, group) => `n${group}`),
      ...(hasBytes ? ['b'] : []),
    ];
    const names = plan.joinKeys.length === 0 ? [dummyEntity.joinKey] : plan.joinKeys.map((key) => key.name);
    this.#encoder = createEntityKeyEncoder(names);
    this.#slices = names.map(() => ({ data: EMPTY_TEXT, start: 0, end: EMPTY_TEXT.length }));
  }

  begin(chunk: DuckDBDataChunk): void {
    this.#times.begin(chunk);
    const numbers = 2 + this.#layout.forms.length + this.#masks;
    this.#items = Array.from({ length: numbers }, (_, index) => itemsOf(chunk, index));
    this.#bytes =
      this.columns.length > numbers ? (chunk.getColumnVector(numbers) as unknown as BytesVector) : undefined;
  }

  append(row: number, block: WriteBlock): void {
    this.#rowBytes = undefined;
    this.#pos = 0;
    const { out } = block;
    this.#appendKey(row, out);
    block.endPiece();
    const first = 2 + this.#keys.length;
    for (let index = 0; index < this.#features.length; index++) {
      this.#appendValue(this.#features[index] as FilledColumn, first + index, row, out);
      block.endPiece();
    }
    this.#times.end(row, block);
  }

  #appendKey(row: number, out: ByteWriter): void {
    const scratch = this.#scratch;
    scratch.reset();
    for (let index = 0; index < this.#keys.length; index++) {
      const slice = this.#slices[index] as { start: number; end: number };
      slice.start = scratch.pos;
      this.#appendValue(this.#keys[index] as FilledColumn, 2 + index, row, scratch);
      slice.end = scratch.pos;
    }
    if (this.#keys.length > 0) {
      const data = scratch.since(0);
      for (const slice of this.#slices) slice.data = data;
    }
    const size = this.#encoder.size(this.#slices);
    if (size > this.#key.length) this.#key = new Uint8Array(size * 2);
    this.#encoder.write(this.#slices, this.#key, 0);
    out.raw(this.#key.subarray(0, size));
  }

  #appendValue(column: FilledColumn, at: number, row: number, out: ByteWriter): void {
    const items = this.#items[at] as Items;
    switch (column.form) {
      case 'int': {
        if (((this.#items[column.mask] as Items)[row] as number) & column.bit) return;
        out.varint(column.tag);
        const high = items[2 * row + 1] as number;
        if (high >= -0x20_0000 && high < 0x20_0000) out.int64(wholeOf(items, row));
        else out.int64((BigInt(high) << 32n) | BigInt((items[2 * row] as number) >>> 0));
        return;
      }
      case 'double':
      case 'float': {
        const value = items[row] as number;
        // Feast stores a lone NaN as a null.
        if (Number.isNaN(value)) return;
        out.varint(column.tag);
        if (column.form === 'double') out.double(value);
        else out.float(value);
        return;
      }
      case 'bool': {
        const value = items[row] as number;
        if (value === 2) return;
        out.varint(column.tag);
        out.varint(value);
        return;
      }
      case 'bytes': {
        const length = items[row] as number;
        if (length < 0) return;
        this.#rowBytes ??= this.#bytes?.getItemBytes(row) ?? NOTHING;
        out.varint(column.tag);
        out.delimited(this.#rowBytes.subarray(this.#pos, this.#pos + length));
        this.#pos += length;
      }
    }
  }
}

class EncodedFiller implements BlockFiller {
  readonly columns = ['t', 'c', 'k', 'p'];
  readonly #features: number;
  readonly #times = new Times();
  #keys: BytesVector | undefined;
  #pieces: BytesVector | undefined;

  constructor(features: number) {
    this.#features = features;
  }

  begin(chunk: DuckDBDataChunk): void {
    this.#times.begin(chunk);
    this.#keys = chunk.getColumnVector(2) as unknown as BytesVector;
    this.#pieces = chunk.getColumnVector(3) as unknown as BytesVector;
  }

  append(row: number, block: WriteBlock): void {
    block.out.raw(this.#keys?.getItemBytes(row) ?? NOTHING);
    block.endPiece();
    const pieces = this.#pieces?.getItemBytes(row) ?? NOTHING;
    const lengths = new DataView(pieces.buffer, pieces.byteOffset);
    let pos = 4 * this.#features;
    for (let index = 0; index < this.#features; index++) {
      const end = pos + lengths.getUint32(4 * index, true);
      block.out.raw(pieces.subarray(pos, end));
      block.endPiece();
      pos = end;
    }
    this.#times.end(row, block);
  }
}

const NOTHING = new Uint8Array(0);
/** The value "" of the join key of a view without entities. */
const EMPTY_TEXT = new Uint8Array([0x12, 0x00]);
