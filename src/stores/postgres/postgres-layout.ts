import type { EventTimestamp, OnlineTable } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';

/**
 * How Feast 0.67 lays rows out in PostgreSQL: one table per view, one row per entity and feature, found by the search path of
 * the session: `db_schema`, then `public`.
 */

/** PostgreSQL cuts longer names off, in bytes. */
const MAX_NAME_BYTES = 63;
/** An index entry of key and feature name has 2,704 bytes at most, unless it happens to compress well. */
const MAX_KEY_BYTES = 2600;

/** Names of tables, as PostgreSQL cuts them off: it must not take two tables for one. */
export class PostgresTableNames {
  readonly #whole = new Map<string, string>();

  /** @throws StoreError `STORE_INVALID_ROW` for a name that PostgreSQL cannot have, or cannot tell from another one */
  of(table: Pick<OnlineTable, 'project' | 'name'>): string {
    const whole = `${table.project}_${table.name}`;
    if (whole.includes('\0')) {
      throw new StoreError('STORE_INVALID_ROW', `The name of ${describeTable(table)} holds a NUL character.`);
    }
    const name = cutName(whole);
    const other = this.#whole.get(name);
    if (other === undefined) {
      // A name that was not cut off stands for itself.
      if (name !== whole) this.#whole.set(name, whole);
    } else if (other !== whole) {
      throw new StoreError(
        'STORE_INVALID_ROW',
        `PostgreSQL cuts names off at ${MAX_NAME_BYTES} bytes: the tables "${other}" and "${whole}" would be one.`,
        { hint: 'Give the project or one of the views a shorter name.' },
      );
    }
    return name;
  }
}

export function cutName(name: string): string {
  const bytes = Buffer.from(name, 'utf8');
  if (bytes.length <= MAX_NAME_BYTES) return name;
  let end = MAX_NAME_BYTES;
  // Not in the middle of a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

export interface PostgresTableOptions {
  /** The column type of embeddings is pgvector's. */
  readonly vectors: boolean;
  readonly withValueNumber: boolean;
  /** The view has text features, which Feast indexes for text search. */
  readonly withTextIndex: boolean;
}

/** Statements that make a table as Feast makes it. */
export function createTableSql(name: string, options: PostgresTableOptions): string[] {
  const table = quoteName(name);
  const statements = [
    `CREATE TABLE IF NOT EXISTS ${table} (
      entity_key BYTEA,
      feature_name TEXT,
      value BYTEA,
      value_text TEXT NULL,${options.withValueNumber ? '\n      value_num DOUBLE PRECISION NULL,' : ''}
      vector_value ${options.vectors ? 'vector' : 'BYTEA'} NULL,
      event_ts TIMESTAMPTZ,
      created_ts TIMESTAMPTZ,
      PRIMARY KEY(entity_key, feature_name)
    )`,
    `CREATE INDEX IF NOT EXISTS ${quoteName(cutName(`${name}_ek`))} ON ${table} (entity_key)`,
  ];
  if (options.withValueNumber) {
    statements.push(`ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS value_num DOUBLE PRECISION NULL`);
  }
  if (options.withTextIndex) {
    const index = quoteName(cutName(`${name}_fts_idx`));
    statements.push(`CREATE INDEX IF NOT EXISTS ${index} ON ${table} USING GIN (to_tsvector('english', value_text))`);
  }
  return statements;
}

export function dropTableSql(name: string): string {
  return `DROP TABLE IF EXISTS ${quoteName(name)}`;
}

/** Columns of a table with their types, as PostgreSQL writes them. Parameter: the quoted name. */
export const columnsSql = `
  SELECT attname, format_type(atttypid, atttypmod)
  FROM pg_catalog.pg_attribute
  WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`;

/** Tables with the columns of Feast's layout that the session finds. */
export const listTablesSql = `
  SELECT c.relname
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relkind IN ('r', 'p') AND pg_catalog.pg_table_is_visible(c.oid)
    AND a.attname IN ('entity_key', 'feature_name', 'value', 'event_ts')
  GROUP BY c.relname
  HAVING count(*) = 4
  ORDER BY c.relname`;

/**
 * Stored keys from both ends of their order. Serializations begin with different bytes, so that keys of an older one stand
 * together at one end.
 * @param count how many from each end
 */
export function sampleKeysSql(name: string, count: number): string {
  const table = quoteName(name);
  return `
    (SELECT DISTINCT entity_key FROM ${table} ORDER BY entity_key LIMIT ${count})
    UNION
    (SELECT DISTINCT entity_key FROM ${table} ORDER BY entity_key DESC LIMIT ${count})`;
}

/** @throws StoreError `STORE_INVALID_ROW` for a key that the index cannot hold, whatever is in it. */
export function validateKey(key: Uint8Array, row: number, table: OnlineTable): void {
  if (key.length <= MAX_KEY_BYTES) return;
  throw new StoreError(
    'STORE_INVALID_ROW',
    `Entity key ${row} of ${describeTable(table)} has ${key.length} bytes; an index of PostgreSQL holds ${MAX_KEY_BYTES}.`,
  );
}

/** Seconds from 1970 to 2000, where PostgreSQL's times begin. */
const EPOCH = 946_684_800;
const MAX_YEAR = 275_760;

/**
 * Whole microseconds since 2000, what is finer cut off, as PostgreSQL stores a time.
 * @throws StoreError `STORE_INVALID_ROW` for a time that it cannot hold
 */
export function storedMicros(time: EventTimestamp, row: number, table: OnlineTable): bigint {
  const year = new Date(time.seconds * 1000).getUTCFullYear();
  if (Number.isNaN(year) || year < -4711 || year >= MAX_YEAR) {
    throw new StoreError(
      'STORE_INVALID_ROW',
      `Row ${row} of ${describeTable(table)} has a time that PostgreSQL cannot hold (seconds ${time.seconds}).`,
    );
  }
  return BigInt(time.seconds - EPOCH) * 1_000_000n + BigInt(Math.trunc(time.nanos / 1000));
}

/**
 * The event time that seconds since 1970 mean, in decimals: `1768032000.123456`; 1970 for none.
 * @throws StoreError `STORE_CORRUPT` for an infinite one
 */
export function eventTime(seconds: string | null, describe: () => string): EventTimestamp {
  if (seconds === null) return { seconds: 0, nanos: 0 };
  const [, sign, whole, fraction = ''] = /^(-?)(\d{1,15})(?:\.(\d{1,9}))?$/.exec(seconds) ?? [];
  if (whole === undefined) {
    throw new StoreError('STORE_CORRUPT', `The event time of ${describe()} is not a time.`, {
      hint: 'The column event_ts holds infinity; write the row again.',
    });
  }
  const nanos = Number(fraction.padEnd(9, '0'));
  if (sign === '') return { seconds: Number(whole), nanos };
  return nanos === 0 ? { seconds: -Number(whole), nanos } : { seconds: -Number(whole) - 1, nanos: 1e9 - nanos };
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** What PostgreSQL writes for bytes: `\x` and hexadecimal digits. */
export function bytesFromText(text: string): Buffer {
  return Buffer.from(text.slice(2), 'hex');
}
