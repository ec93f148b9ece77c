import type { CallOptions, TableRead } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { GatheredValues } from '../sql/gathered-values.ts';
import type { SqlDatabase } from '../sql/sql-database.ts';
import { StoreError } from '../store-error.ts';
import { bytesArray } from './postgres-array.ts';
import type { PostgresConnection, PostgresRow } from './postgres-connection.ts';
import { bytesFromText, eventTime, type PostgresTableNames, quoteName } from './postgres-layout.ts';

/** Asked for more than a third of a view's features, it is faster to read all of them than to look each up. */
const WHOLE_FROM = 1 / 3;
/** Entities of one round trip: a larger request takes several, between which others have their turn. */
const MAX_KEYS = 1000;
const NAME_END = '\x01';
/** Statements that a connection keeps prepared; tables beyond them are read without. */
const MAX_STATEMENTS = 500;

/** What is prepared for a list of features. A compiled plan comes with the same list every time. */
interface PreparedRead {
  readonly table: TableRead['table'];
  readonly values: GatheredValues;
  readonly sql: string;
  readonly name: string | undefined;
}

/** Rows `start` up to `end` of one read. */
interface Part {
  readonly read: TableRead;
  readonly prepared: PreparedRead;
  readonly start: number;
  readonly end: number;
}

/** Reads rows: all entities of a view in one query, and the queries of all views in one round trip. */
export class PostgresReader {
  readonly #database: SqlDatabase<PostgresConnection>;
  readonly #names: PostgresTableNames;
  readonly #prepared = new WeakMap<readonly string[], PreparedRead>();
  /** Names of prepared statements, by their texts. */
  readonly #statements = new Map<string, string>();

  constructor(database: SqlDatabase<PostgresConnection>, names: PostgresTableNames) {
    this.#database = database;
    this.#names = names;
  }

  /** @throws StoreError */
  async read(reads: readonly TableRead[], options?: CallOptions): Promise<void> {
    for (const parts of this.#split(reads)) {
      const results = await this.#database.read(
        (connection) => Promise.all(parts.map((part) => query(connection, part))),
        options,
      );
      for (const [index, part] of parts.entries()) {
        for (const row of placeRows(part, results[index] ?? [])) await this.#readPlainly(part.read, row, options);
      }
    }
  }

  *#split(reads: readonly TableRead[]): Generator<readonly Part[]> {
    let parts: Part[] = [];
    let left = MAX_KEYS;
    for (const read of reads) {
      const prepared = this.#prepare(read);
      for (let start = 0; start < read.keys.length; ) {
        const end = Math.min(read.keys.length, start + left);
        parts.push({ read, prepared, start, end });
        left -= end - start;
        start = end;
        if (left > 0) continue;
        yield parts;
        parts = [];
        left = MAX_KEYS;
      }
    }
    if (parts.length > 0) yield parts;
  }

  #prepare(read: TableRead): PreparedRead {
    const known = this.#prepared.get(read.features);
    if (known?.table === read.table) return known;
    const sql = querySql(read, this.#names.of(read.table));
    const values = new GatheredValues(read.features, NAME_END);
    const prepared = { table: read.table, values, sql, name: this.#statementName(sql) };
    this.#prepared.set(read.features, prepared);
    return prepared;
  }

  #statementName(sql: string): string | undefined {
    const known = this.#statements.get(sql);
    if (known !== undefined || this.#statements.size >= MAX_STATEMENTS) return known;
    const name = `sideboard_${this.#statements.size}`;
    this.#statements.set(sql, name);
    return name;
  }

  /** Value by value: for a row with a NULL among its values, or with names that hold what the others end with. */
  async #readPlainly({ table, keys, features, block }: TableRead, row: number, options?: CallOptions): Promise<void> {
    const sql = `
      SELECT feature_name, value
      FROM ${quoteName(this.#names.of(table))}
      WHERE entity_key = ANY($1::bytea[]) AND feature_name = ANY($2::text[])`;
    const values = [bytesArray([keys[row] ?? new Uint8Array()]), features];
    const stored = await this.#database.read((connection) => connection.query(sql, values), options);
    for (const [name, value = null] of stored) {
      const column = features.indexOf(name ?? '');
      if (value === null) {
        throw new StoreError(
          'STORE_CORRUPT',
          `Feature "${name}" in row ${row} of ${describeTable(table)} is stored as NULL.`,
          { hint: 'The column value holds serialized feast.types.Value messages; a null is stored as no bytes.' },
        );
      }
      const bytes = bytesFromText(value);
      for (let place = column; place >= 0; place = features.indexOf(name ?? '', place + 1)) {
        block.setValue(row, place, bytes, 0, bytes.length);
      }
    }
  }
}

function query(connection: PostgresConnection, { read, prepared, start, end }: Part): Promise<readonly PostgresRow[]> {
  const keys = bytesArray(start === 0 && end === read.keys.length ? read.keys : read.keys.slice(start, end));
  return connection.query(prepared.sql, [keys, read.features], prepared.name);
}

/**
 * The query for one view. Per row of the request that is stored: its place among the keys, how many values were gathered,
 * their names, lengths and bytes, and the event time in seconds since 1970.
 *
 * An entity's event time is the newest among the features asked for, or among all where it has none of these. Feast takes
 * that of the last row that PostgreSQL gives it for the features asked for, in no particular order.
 */
function querySql({ table, features }: TableRead, name: string): string {
  const whole = features.length > table.features.length * WHOLE_FROM;
  const from = `FROM ${quoteName(name)} WHERE entity_key = k.key`;
  const gathered = `
    count(*) AS count,
    string_agg(feature_name, E'\\x01') AS names,
    string_agg(length(value)::text, ',') AS lengths,
    string_agg(value, ''::bytea) AS bytes`;
  if (whole && features.length > 0) {
    return `
      SELECT k.place, g.count, g.names, g.lengths, g.bytes, extract(epoch FROM g.time)
      FROM unnest($1::bytea[]) WITH ORDINALITY AS k(key, place)
      CROSS JOIN LATERAL (
        SELECT ${gathered},
          coalesce(max(event_ts) FILTER (WHERE feature_name = ANY($2::text[])), max(event_ts)) AS time
        ${from}
      ) g
      WHERE g.count > 0`;
  }
  return `
    SELECT k.place, g.count, g.names, g.lengths, g.bytes, extract(epoch FROM coalesce(g.time, r.time))
    FROM unnest($1::bytea[]) WITH ORDINALITY AS k(key, place)
    CROSS JOIN LATERAL (
      SELECT ${gathered}, max(event_ts) AS time
      ${from} AND feature_name = ANY($2::text[])
    ) g
    CROSS JOIN LATERAL (
      SELECT count(*) AS count, max(event_ts) AS time
      ${from} AND g.count = 0
    ) r
    WHERE g.count + r.count > 0`;
}

/** @returns rows whose values have to be read one by one */
function placeRows({ read, prepared, start }: Part, rows: readonly PostgresRow[]): number[] {
  const scattered: number[] = [];
  const { table, block, features } = read;
  for (const [place = null, count = null, names = null, lengths = null, bytes = null, time = null] of rows) {
    const row = start + Number(place) - 1;
    const { seconds, nanos } = eventTime(time, () => `row ${row} of ${describeTable(table)}`);
    block.setRow(row, seconds, nanos);
    const found = Number(count);
    if (found === 0 || features.length === 0) continue;
    const gathered = bytes === null ? new Uint8Array() : bytesFromText(bytes);
    if (!prepared.values.place(block, row, names ?? '', lengths ?? '', gathered, found)) scattered.push(row);
  }
  return scattered;
}
