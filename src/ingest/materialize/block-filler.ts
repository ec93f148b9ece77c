import type { DuckDBDataChunk } from '@duckdb/node-api';
import { ByteWriter } from '../../encoding/byte-writer.ts';
import { createEntityKeyEncoder } from '../../encoding/entity-key.ts';
import { valueTypeInfo } from '../../encoding/value-type.ts';
import { dummyEntity } from '../../registry/dummy-entity.ts';
import type { WriteBlock } from '../../stores/write-block.ts';
import type { LoadPlan } from './load-plan.ts';
import { stagedPlaces } from './staged-columns.ts';
import type { StagedLayout, TypedLayout } from './staged-rows.ts';
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
  /** Where the value stands among the columns that are read, and its mask. */
  readonly at: number;
  readonly mask: number;
  readonly bit: number;
  readonly bytes: RowBytes | undefined;
}

/** Bytes of the rows of a group, taken one value after the other. */
class RowBytes {
  readonly column: number;
  vector: BytesVector | undefined;
  bytes: Uint8Array | undefined;
  pos = 0;

  constructor(column: number) {
    this.column = column;
  }
}

class TypedFiller implements BlockFiller {
  readonly columns: readonly string[];
  readonly #keys: readonly FilledColumn[];
  readonly #features: readonly FilledColumn[];
  readonly #bytes: readonly RowBytes[];
  readonly #encoder;
  readonly #slices: { data: Uint8Array; start: number; end: number }[];
  /** Values of a row's join keys; laid out as a key from there. */
  readonly #scratch = new ByteWriter(256);
  #key = new Uint8Array(256);
  readonly #times = new Times();
  #items: (Items | undefined)[] = [];

  constructor(plan: LoadPlan, layout: TypedLayout) {
    const planned = [...plan.joinKeys, ...plan.features];
    const places = stagedPlaces(layout.forms, layout.groups);
    const numbers = places.flatMap(({ form, name, mask }) => (form === 'int' ? [name, mask] : [name]));
    const bytes = places.flatMap((place) => (place.form === 'bytes' ? [place.bytes] : []));
    this.columns = [...new Set(['t', 'c', ...numbers, ...bytes])];
    const rowBytes = new Map([...new Set(bytes)].map((name) => [name, new RowBytes(this.columns.indexOf(name))]));
    this.#bytes = [...rowBytes.values()];
    const filled = places.map((place, index): FilledColumn => {
      const info = valueTypeInfo(planned[index]?.valueType ?? 0);
      return {
        form: place.form,
        tag: (info?.type ?? 0) * 8 + (info?.wireType ?? 0),
        at: this.columns.indexOf(place.name),
        mask: this.columns.indexOf(place.mask),
        bit: place.bit,
        bytes: rowBytes.get(place.bytes),
      };
    });
    this.#keys = filled.slice(0, plan.joinKeys.length);
    this.#features = filled.slice(plan.joinKeys.length);
    const names = plan.joinKeys.length === 0 ? [dummyEntity.joinKey] : plan.joinKeys.map((key) => key.name);
    this.#encoder = createEntityKeyEncoder(names);
    this.#slices = names.map(() => ({ data: EMPTY_TEXT, start: 0, end: EMPTY_TEXT.length }));
  }

  begin(chunk: DuckDBDataChunk): void {
    this.#times.begin(chunk);
    for (const each of this.#bytes) each.vector = chunk.getColumnVector(each.column) as unknown as BytesVector;
    const vectors = new Set(this.#bytes.map((each) => each.column));
    this.#items = this.columns.map((_, index) => (vectors.has(index) ? undefined : itemsOf(chunk, index)));
  }

  append(row: number, block: WriteBlock): void {
    for (const each of this.#bytes) {
      each.bytes = undefined;
      each.pos = 0;
    }
    const { out } = block;
    this.#appendKey(row, out);
    block.endPiece();
    for (let index = 0; index < this.#features.length; index++) {
      this.#appendValue(this.#features[index] as FilledColumn, row, out);
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
      this.#appendValue(this.#keys[index] as FilledColumn, row, scratch);
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

  #appendValue(column: FilledColumn, row: number, out: ByteWriter): void {
    const items = this.#items[column.at] as Items;
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
        const group = column.bytes as RowBytes;
        group.bytes ??= group.vector?.getItemBytes(row) ?? NOTHING;
        out.varint(column.tag);
        out.delimited(group.bytes.subarray(group.pos, group.pos + length));
        group.pos += length;
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
