import type { OnlineTable, TableRead } from '../online-store.ts';
import type { RowBlock } from '../row-block.ts';
import { asBuffer, describeTable } from '../row-objects.ts';
import { GatheredValues } from '../sql/gathered-values.ts';
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
  readonly #values: GatheredValues;

  constructor(read: Omit<SqliteRead, 'keys' | 'block'>, clock: SqliteClock) {
    this.#read = read;
    this.#clock = clock;
    this.#values = new GatheredValues(read.features, NAME_END);
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
        const placed = reader.utf8 && bytes !== null && this.#values.place(block, row, names, lengths ?? '', bytes);
        if (!placed) this.#readPlainly(reader, key, block, row);
      }
      const { seconds, nanos } = this.#clock.eventTime(time, () => `row ${row} of ${describeTable(this.#read.table)}`);
      block.setRow(row, seconds, nanos);
    }
  }

  /** Value by value: for a row with something else than a blob in it, and for databases in UTF-16, where text is not bytes. */
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

function corruptValue(table: SqliteRead['table'], feature: string, row: number): StoreError {
  return new StoreError(
    'STORE_CORRUPT',
    `Feature "${feature}" in row ${row} of ${describeTable(table)} is stored as something else than a blob.`,
    { hint: 'The column value holds serialized feast.types.Value messages.' },
  );
}
