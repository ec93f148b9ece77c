import type { OnlineTable, TableRead } from '../online-store.ts';
import { CELL, CELL_CHUNK, CELL_END, CELL_START, type RowBlock } from '../row-block.ts';
import { asBuffer, describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import type { SqliteReader } from './sqlite-connection.ts';
import { gatheredRowSql, NAME_END, plainRowSql, tableName } from './sqlite-layout.ts';
import type { SqliteClock } from './sqlite-time.ts';

/** One table's part of a read, as it can be sent to another thread. */
export interface SqliteRead {
  readonly table: Pick<OnlineTable, 'project' | 'name'>;
  readonly features: readonly string[];
  /** Read everything that an entity has, rather than look up one feature after the other. */
  readonly whole: boolean;
  readonly keys: readonly Uint8Array[];
  readonly block: RowBlock;
}

/** Asked for more than a third of a view's features, it is faster to read all of them than to look each up. */
const WHOLE_FROM = 1 / 3;
/** Sets of features that the entities of a table have; few, unless every entity has its own. */
const MAX_LAYOUTS = 32;

export function sqliteReadOf({ table, features, keys, block }: TableRead): SqliteRead {
  return { table, features, keys, block, whole: features.length > table.features.length * WHOLE_FROM };
}

/** How many values a read touches, about. */
export function countTouched(reads: readonly TableRead[]): number {
  let sum = 0;
  for (const { table, features, keys } of reads) {
    const whole = features.length > table.features.length * WHOLE_FROM;
    sum += keys.length * (whole ? Math.max(features.length, table.features.length) : features.length);
  }
  return sum;
}

/** Names, lengths and bytes of an entity's values, whether it has a row, and its event time. */
type GatheredRow = [string | null, string | null, Buffer | null, number | null, unknown];

/**
 * Reads rows of one table, each with one query whose single result holds all values one behind the other: a result row, an array
 * and a Buffer per value would cost several times what SQLite's own work costs.
 */
export class SqliteRowReader {
  readonly #read: Omit<SqliteRead, 'keys' | 'block'>;
  readonly #clock: SqliteClock;
  readonly #sql: string;
  /** Per list of stored names, where in it each requested feature stands. */
  readonly #layouts = new Map<string, Layout>();
  #layout: Layout | undefined;
  /** Where each value ends. */
  #ends = new Int32Array(64);

  constructor(read: Omit<SqliteRead, 'keys' | 'block'>, clock: SqliteClock) {
    this.#read = read;
    this.#clock = clock;
    this.#sql = gatheredRowSql(tableName(read.table), read.features, read.whole);
  }

  /**
   * Fills rows `start` up to `end` of a block.
   * @throws StoreError `STORE_CORRUPT`, or what SQLite throws
   */
  readRows(reader: SqliteReader, keys: readonly Uint8Array[], block: RowBlock, start: number, end: number): void {
    const statement = reader.prepare(this.#sql);
    for (let row = start; row < end; row++) {
      const key = asBuffer(keys[row] ?? new Uint8Array());
      // From an attempt that met a lock.
      if (block.found[row] === 1) block.clearRow(row);
      const [names, lengths, bytes, found, time] = statement.get({ key }) as GatheredRow;
      if (found !== 1) continue;
      if (this.#read.features.length > 0 && names !== null) {
        const placed = reader.utf8 && this.#place(block, row, names, lengths ?? '', bytes);
        if (!placed) this.#readPlainly(reader, key, block, row);
      }
      const { seconds, nanos } = this.#clock.eventTime(time, () => `row ${row} of ${describeTable(this.#read.table)}`);
      block.setRow(row, seconds, nanos);
    }
  }

  /** Points the cells of a row at gathered values. False when names, lengths and bytes do not agree. */
  #place(block: RowBlock, row: number, names: string, lengths: string, bytes: Buffer | null): boolean {
    const layout = this.#layoutOf(names);
    const count = this.#readEnds(lengths);
    if (bytes === null || count !== layout.count || this.#ends[count] !== bytes.length) return false;
    const { places } = layout;
    const ends = this.#ends;
    const { cells, features } = block;
    const chunk = block.chunkOf(bytes);
    for (let feature = 0, cell = row * features * CELL; feature < features; feature++, cell += CELL) {
      const place = places[feature] as number;
      if (place < 0) continue;
      cells[cell + CELL_CHUNK] = chunk;
      cells[cell + CELL_START] = ends[place] as number;
      cells[cell + CELL_END] = ends[place + 1] as number;
    }
    return true;
  }

  #layoutOf(names: string): Layout {
    if (this.#layout?.names === names) return this.#layout;
    let layout = this.#layouts.get(names);
    if (layout === undefined) {
      layout = layoutOf(names, this.#read.features);
      if (this.#layouts.size >= MAX_LAYOUTS) this.#layouts.clear();
      this.#layouts.set(names, layout);
    }
    this.#layout = layout;
    return layout;
  }

  /** Adds up lengths like `6,0,140`: value n then stands between ends n and n + 1. Returns how many there are. */
  #readEnds(lengths: string): number {
    let count = 0;
    let sum = 0;
    let length = 0;
    for (let pos = 0; pos <= lengths.length; pos++) {
      const code = pos === lengths.length ? COMMA : lengths.charCodeAt(pos);
      if (code !== COMMA) {
        length = length * 10 + (code - ZERO);
        continue;
      }
      sum += length;
      length = 0;
      if (++count >= this.#ends.length) this.#grow();
      this.#ends[count] = sum;
    }
    return count;
  }

  #grow(): void {
    const ends = new Int32Array(this.#ends.length * 2);
    ends.set(this.#ends);
    this.#ends = ends;
  }

  /** Value by value: for a row with something else than a blob in it, and for databases in UTF-16, where text is no bytes. */
  #readPlainly(reader: SqliteReader, key: Buffer, block: RowBlock, row: number): void {
    const { table, features } = this.#read;
    const stored = new Map(reader.prepare(plainRowSql(tableName(table))).all({ key }) as [string, unknown][]);
    for (const [column, feature] of features.entries()) {
      const value = stored.get(feature);
      if (Buffer.isBuffer(value)) block.setValue(row, column, value, 0, value.length);
      else if (stored.has(feature)) throw corruptValue(table, feature, row);
    }
  }
}

const COMMA = 0x2c;
const ZERO = 0x30;

interface Layout {
  readonly names: string;
  /** How many features are stored. */
  readonly count: number;
  /** Per requested feature, its place among the stored ones; -1 where it is not stored. */
  readonly places: Int32Array;
}

function layoutOf(names: string, features: readonly string[]): Layout {
  const stored = names.split(NAME_END);
  const places = new Map(stored.map((name, place) => [name, place]));
  return { names, count: stored.length, places: Int32Array.from(features, (feature) => places.get(feature) ?? -1) };
}

function corruptValue(table: SqliteRead['table'], feature: string, row: number): StoreError {
  return new StoreError(
    'STORE_CORRUPT',
    `Feature "${feature}" in row ${row} of ${describeTable(table)} is stored as something else than a blob.`,
    { hint: 'The column value holds serialized feast.types.Value messages.' },
  );
}
