import type { EventTimestamp, OnlineRow, OnlineTable } from '../online-store.ts';
import { asBuffer } from '../row-objects.ts';
import type { SearchColumns } from '../sql/search-columns.ts';
import type { WriteBlock } from '../write-block.ts';
import type { SqliteDatabase, SqliteStatement } from './sqlite-driver.ts';
import {
  findOtherTimesSql,
  quoteName,
  STORED_SECONDS,
  tableName,
  type UpsertOptions,
  upsertSql,
} from './sqlite-layout.ts';
import { type BlockSearch, ValueSearch } from './sqlite-search.ts';
import type { SqliteClock } from './sqlite-time.ts';

/** Features of one statement: it has three parameters for each at most, of 32,766. */
const MAX_FEATURES = 500;

export interface SqliteWrite {
  readonly table: Pick<OnlineTable, 'project' | 'name'>;
  /** Whether the column `value_num` is to be filled, where the table has it. */
  readonly withValueNumber: boolean;
  readonly newestOnly: boolean;
}

interface PreparedPart {
  readonly sql: (over: UpsertOptions['over']) => string;
  readonly statement: SqliteStatement;
  readonly parameters: unknown[];
  /** Place of its first feature among all. */
  readonly first: number;
  readonly features: number;
}

/** Writes rows of one table, in the transaction that is open on a handle: one statement for all features of an entity. */
export class SqliteUpsert {
  readonly #database: SqliteDatabase;
  readonly #table: SqliteWrite['table'];
  readonly #clock: SqliteClock;
  readonly #withValueNumber: boolean;
  readonly #search: ValueSearch;
  /** Where only the newest rows are wanted. */
  readonly #findOtherTimes: SqliteStatement | undefined;
  #features: readonly string[] = [];
  #parts: readonly PreparedPart[] = [];

  constructor(database: SqliteDatabase, { table, withValueNumber, newestOnly }: SqliteWrite, clock: SqliteClock) {
    const name = tableName(table);
    this.#database = database;
    this.#table = table;
    this.#search = new ValueSearch(table);
    this.#clock = clock;
    // Fails where the table is missing, also for rows without any feature.
    const findOtherTimes = database.prepare(findOtherTimesSql(name));
    this.#findOtherTimes = newestOnly ? findOtherTimes : undefined;
    this.#withValueNumber = withValueNumber && columnNames(database, name).has('value_num');
  }

  /** @param place of the row in its batch, for messages */
  writeRow(row: OnlineRow, key: Uint8Array, place: number): void {
    const features = [...row.values.keys()];
    const values = [...row.values.values()];
    const valueAt = (feature: number): Buffer => asBuffer(values[feature] ?? new Uint8Array());
    const searchAt = (feature: number, value: Uint8Array): SearchColumns =>
      this.#search.read(value, 0, value.length, features[feature], place);
    this.#write(features, key, row.eventTimestamp, row.createdTimestamp, valueAt, searchAt);
  }

  /**
   * Writes rows of a block.
   * @param rows their places in the block
   * @param search what stands beside the values; read here where it is not given
   */
  writeRows(block: WriteBlock, rows: Iterable<number>, search?: BlockSearch): void {
    const { features, bytes } = block;
    let row = 0;
    const valueAt = (feature: number): Buffer => {
      const start = block.startOf(row, feature + 1);
      return Buffer.from(bytes.buffer, bytes.byteOffset + start, block.endOf(row, feature + 1) - start);
    };
    const found = { text: null as string | null, number: null as number | null };
    const searchAt = (feature: number, value: Uint8Array): SearchColumns => {
      if (search === undefined) return this.#search.read(value, 0, value.length, features[feature], row);
      const place = row * features.length + feature;
      found.text = search.texts[place] ?? null;
      found.number = search.numbers?.[place] ?? null;
      return found;
    };
    for (row of rows)
      this.#write(features, block.keyAt(row), block.timestampAt(row), block.createdAt(row), valueAt, searchAt);
  }

  #write(
    features: readonly string[],
    key: Uint8Array,
    event: EventTimestamp,
    created: EventTimestamp | undefined,
    valueAt: (feature: number) => Buffer,
    searchAt: (feature: number, value: Uint8Array) => SearchColumns,
  ): void {
    this.#prepare(features);
    for (const part of this.#parts) {
      const { statement, parameters, first, features: count } = part;
      parameters[0] = asBuffer(key);
      parameters[1] = this.#stored(event);
      parameters[2] = this.#stored(created);
      let at = 3;
      for (let feature = first; feature < first + count; feature++) {
        const value = valueAt(feature);
        const { text, number } = searchAt(feature, value);
        parameters[at++] = value;
        parameters[at++] = text;
        if (this.#withValueNumber) parameters[at++] = number;
      }
      const { changes } = statement.run(parameters);
      if (changes < count && this.#findOtherTimes !== undefined) this.#writeOverOtherTimes(part, this.#findOtherTimes);
    }
  }

  /** Writes once more what gave way to newer rows, where some of these have times as Feast does not store them today. */
  #writeOverOtherTimes({ sql, parameters }: PreparedPart, findOtherTimes: SqliteStatement): void {
    if (findOtherTimes.get(parameters[0]) === undefined) return;
    defineStoredSeconds(this.#database, this.#clock);
    this.#database.prepare(sql('older')).run(parameters);
  }

  #prepare(features: readonly string[]): void {
    const known = this.#features;
    if (known === features) return;
    const isSame = known.length === features.length && known.every((name, index) => name === features[index]);
    this.#features = features;
    if (isSame) return;
    const parts: PreparedPart[] = [];
    for (let first = 0; first < features.length; first += MAX_FEATURES) {
      const names = features.slice(first, first + MAX_FEATURES);
      const sql = (over: UpsertOptions['over']): string =>
        upsertSql(tableName(this.#table), names, { withValueNumber: this.#withValueNumber, over });
      const statement = this.#database.prepare(sql(this.#findOtherTimes === undefined ? 'any' : 'numbers'));
      parts.push({ sql, statement, parameters: [], first, features: names.length });
    }
    this.#parts = parts;
  }

  #stored(time: EventTimestamp | undefined): bigint | null {
    // As a bigint it is bound as an integer; a number would be bound as a real.
    return time === undefined ? null : BigInt(this.#clock.storedSeconds(time));
  }
}

/** Names of the columns that a table has; none where there is no table. */
export function columnNames(database: SqliteDatabase, name: string): Set<unknown> {
  const columns = database.pragma(`table_info(${quoteName(name)})`) as { readonly name: string }[];
  return new Set(columns.map((column) => column.name));
}

const defined = new WeakSet<SqliteDatabase>();

/** Defines {@link STORED_SECONDS} on a handle, once. */
function defineStoredSeconds(database: SqliteDatabase, clock: SqliteClock): void {
  if (defined.has(database)) return;
  defined.add(database);
  database.function(STORED_SECONDS, { deterministic: true }, (stored) => {
    if (stored === null) return null;
    try {
      return clock.storedSeconds(clock.eventTime(stored, () => 'a row'));
    } catch {
      // What is not a time is not newer than any.
      return null;
    }
  });
}
