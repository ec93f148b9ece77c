import { fromBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '../../../gen/feast/types/Value_pb.ts';
import type { OnlineTable } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { pythonFloat, SearchReader } from '../sql/search-columns.ts';
import { APPLY } from '../sql/sql-errors.ts';
import { StoreError } from '../store-error.ts';
import { BYTEA, FLOAT8, PostgresArray, TEXT, TIMESTAMPTZ } from './postgres-array.ts';
import type { PostgresConnection } from './postgres-connection.ts';
import { columnsSql, quoteName } from './postgres-layout.ts';

/** Values of one statement, and their bytes. */
const MAX_CELLS = 2000;
const MAX_STATEMENT_BYTES = 4 * 1024 * 1024;

export interface PostgresWrite {
  readonly table: OnlineTable;
  /** Its name in the database. */
  readonly name: string;
  /** Whether embeddings are written for pgvector too. */
  readonly vectors: boolean;
  readonly newestOnly: boolean;
}

/** What is common to the values of a row. */
export interface PostgresRowCells {
  readonly eventTime: bigint;
  readonly createdTime: bigint | null;
  /** Place in its batch or block, for messages. */
  readonly place: number;
}

/**
 * Writes values of one table in statements of bounded size, as arrays, one per column, in PostgreSQL's binary format: no object is made
 * per value. One statement takes each key and feature just once.
 */
export class PostgresUpsert {
  readonly #connection: PostgresConnection;
  readonly #write: PostgresWrite;
  readonly #sql: string;
  readonly #search = new SearchReader();
  readonly #keys = new PostgresArray(BYTEA);
  readonly #features = new PostgresArray(TEXT);
  readonly #values = new PostgresArray(BYTEA);
  readonly #texts: PostgresArray | undefined;
  readonly #numbers: PostgresArray | undefined;
  readonly #vectors: PostgresArray | undefined;
  readonly #withVectors: boolean;
  readonly #events = new PostgresArray(TIMESTAMPTZ);
  readonly #created = new PostgresArray(TIMESTAMPTZ);
  #cells = 0;

  /** @param stored columns that the table has, with their types: older versions of Feast lack some that are for searching */
  private constructor(connection: PostgresConnection, write: PostgresWrite, stored: ReadonlyMap<string, string>) {
    this.#connection = connection;
    this.#write = write;
    this.#texts = stored.has('value_text') ? new PostgresArray(TEXT) : undefined;
    this.#numbers = stored.has('value_num') ? new PostgresArray(FLOAT8) : undefined;
    const vector = stored.get('vector_value');
    this.#vectors = vector === undefined ? undefined : new PostgresArray(TEXT);
    // Tables that were made without pgvector have a column of bytes, which stays empty.
    this.#withVectors = write.vectors && vector !== 'bytea';
    this.#sql = upsertSql(
      quoteName(write.name),
      [
        { name: 'entity_key', travels: 'bytea' },
        { name: 'feature_name', travels: 'text' },
        { name: 'value', travels: 'bytea' },
        ...(stored.has('value_text') ? [{ name: 'value_text', travels: 'text' }] : []),
        ...(stored.has('value_num') ? [{ name: 'value_num', travels: 'float8' }] : []),
        ...(vector === undefined ? [] : [{ name: 'vector_value', travels: 'text', type: vector }]),
        { name: 'event_ts', travels: 'timestamptz' },
        { name: 'created_ts', travels: 'timestamptz' },
      ],
      write.newestOnly,
    );
  }

  /** @throws StoreError `STORE_TABLE_MISSING` */
  static async begin(connection: PostgresConnection, write: PostgresWrite): Promise<PostgresUpsert> {
    const table = quoteName(write.name);
    const described = await connection.change(columnsSql, [table]);
    if (described.length === 0) {
      throw new StoreError('STORE_TABLE_MISSING', `PostgreSQL has no table ${table}.`, { hint: APPLY });
    }
    return new PostgresUpsert(
      connection,
      write,
      new Map(described.map(([name, type]) => [String(name), String(type)])),
    );
  }

  get isFull(): boolean {
    return this.#cells >= MAX_CELLS || this.#values.bytes >= MAX_STATEMENT_BYTES;
  }

  /** @throws StoreError `STORE_INVALID_ROW` for bytes that are not a value */
  add(key: Uint8Array, feature: string, row: PostgresRowCells, bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.#addSearchColumns(feature, row, bytes, start, end);
    this.#keys.addBytes(key);
    this.#features.addText(feature);
    this.#values.addBytes(bytes, start, end);
    this.#events.addInt64(row.eventTime);
    if (row.createdTime === null) this.#created.addNull();
    else this.#created.addInt64(row.createdTime);
    this.#cells++;
  }

  /** Writes what was added. */
  async flush(): Promise<void> {
    if (this.#cells === 0) return;
    this.#cells = 0;
    const columns = [
      this.#keys,
      this.#features,
      this.#values,
      this.#texts,
      this.#numbers,
      this.#vectors,
      this.#events,
      this.#created,
    ];
    const parameters = columns.flatMap((column) => (column === undefined ? [] : [column.take()]));
    await this.#connection.change(this.#sql, parameters);
  }

  #addSearchColumns(feature: string, { place }: PostgresRowCells, bytes: Uint8Array, start: number, end: number): void {
    let vector: string | null;
    try {
      this.#search.read(bytes, start, end);
      vector = this.#withVectors ? vectorText(bytes.subarray(start, end)) : null;
    } catch (cause) {
      const what = `Feature "${feature}" in row ${place} of ${describeTable(this.#write.table)}`;
      throw new StoreError('STORE_INVALID_ROW', `${what} is not a serialized feast.types.Value.`, { cause });
    }
    const { text, number } = this.#search;
    // A text in PostgreSQL cannot hold a NUL character; what is searched can do without.
    if (text === null) this.#texts?.addNull();
    else this.#texts?.addText(text.includes('\0') ? text.replaceAll('\0', '') : text);
    if (number === null) this.#numbers?.addNull();
    else this.#numbers?.addDouble(number);
    if (vector === null) this.#vectors?.addNull();
    else this.#vectors?.addText(vector);
  }
}

interface WrittenColumn {
  readonly name: string;
  /** Type in which its values travel. */
  readonly travels: string;
  /** Type that each of them is turned into, where it is another. */
  readonly type?: string;
}

/** Parameters: an array per column. */
function upsertSql(table: string, columns: readonly WrittenColumn[], newestOnly: boolean): string {
  const names = columns.map(({ name }) => name);
  const data = names.filter((name) => name !== 'entity_key' && name !== 'feature_name');
  return `
    INSERT INTO ${table} AS t (${names.join(', ')})
    SELECT ${columns.map(({ name, travels, type = travels }) => `CAST(r.${name} AS ${type})`).join(', ')}
    FROM unnest(${columns.map(({ travels }, index) => `$${index + 1}::${travels}[]`).join(', ')}) AS r(${names.join(', ')})
    ON CONFLICT (entity_key, feature_name) DO UPDATE SET
      ${data.map((name) => `${name} = EXCLUDED.${name}`).join(', ')}
    ${newestOnly ? `WHERE ${isNewer}` : ''}`;
}

/** An older row does not take the place of a newer one; nor does one of the same time that was created earlier. */
const isNewer = `
      t.event_ts IS NULL OR EXCLUDED.event_ts > t.event_ts
      OR EXCLUDED.event_ts = t.event_ts AND COALESCE(EXCLUDED.created_ts >= t.created_ts, true)`;

/** A list of numbers as pgvector reads it; nothing for any other value. */
function vectorText(value: Uint8Array): string | null {
  const { val } = fromBinary(ValueSchema, value);
  switch (val.case) {
    case 'floatListVal':
    case 'doubleListVal':
      return `[${val.value.val.map(pythonFloat).join(', ')}]`;
    case 'int32ListVal':
    case 'int64ListVal':
      return `[${val.value.val.join(', ')}]`;
    default:
      return null;
  }
}
