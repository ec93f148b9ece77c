import { MAX_SECONDS, MIN_SECONDS } from '../../encoding/timestamp.ts';
import type { EventTimestamp, OnlineTable } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';

/**
 * How Feast 0.67 lays rows out in MySQL: one table per view, one row per entity and feature. The entity key is the
 * serialized key in hexadecimal. Times are whole seconds, the UTC wall clock as text in the zone of the session.
 */

/** Longest identifier of MySQL, in characters. */
const MAX_NAME = 64;
/** Most bytes that the column entity_key holds, at two characters per byte. */
export const MAX_KEY_BYTES = 256;
/** Most characters that the column feature_name holds. */
const MAX_FEATURE = 256;
/** Most bytes that a column of type BLOB holds, which is what Feast creates. */
export const MAX_BLOB_BYTES = 65_535;

/** @throws StoreError `STORE_INVALID_ROW` for a name that MySQL cannot have. */
export function tableName(table: Pick<OnlineTable, 'project' | 'name'>): string {
  const name = `${table.project}_${table.name}`;
  const problem =
    [...name].length > MAX_NAME
      ? `is longer than MySQL's ${MAX_NAME} characters`
      : /[\0\u{10000}-\u{10ffff}]| $/u.test(name)
        ? 'has a character that MySQL takes in no name'
        : undefined;
  if (problem === undefined) return name;
  throw new StoreError('STORE_INVALID_ROW', `The table of ${describeTable(table)}, "${name}", ${problem}.`, {
    hint: 'Give the project or the view another name.',
  });
}

export function createTableSql(name: string): string {
  return `
    CREATE TABLE IF NOT EXISTS ${quoteName(name)} (
      entity_key VARCHAR(512),
      feature_name VARCHAR(256),
      value BLOB,
      event_ts timestamp NULL DEFAULT NULL,
      created_ts timestamp NULL DEFAULT NULL,
      PRIMARY KEY(entity_key, feature_name)
    )`;
}

/** Gives a row where the index on entity_key exists. */
export function findIndexSql(name: string): string {
  return `
    SELECT 1 FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = ${text(name)} AND index_name = ${text(indexName(name))}
    LIMIT 1`;
}

export function addIndexSql(name: string): string {
  return `ALTER TABLE ${quoteName(name)} ADD INDEX ${quoteName(indexName(name))} (entity_key)`;
}

export function dropTableSql(name: string): string {
  return `DROP TABLE IF EXISTS ${quoteName(name)}`;
}

/** The first characters of a name that is too long: with Feast, MySQL refuses it. */
function indexName(name: string): string {
  return [...`${name}_ek`].slice(0, MAX_NAME).join('');
}

/**
 * Writes values of features.
 * @param cells literals of entity_key, feature_name, value, event_ts and created_ts, in parentheses
 */
export function upsertSql(name: string, cells: readonly string[], newestOnly: boolean): string {
  return `
    INSERT INTO ${quoteName(name)} (entity_key, feature_name, value, event_ts, created_ts)
    VALUES ${cells.join(',\n')}
    ON DUPLICATE KEY UPDATE ${newestOnly ? takeNewer : takeAll}`;
}

const takeAll = `
      value = VALUES(value),
      event_ts = VALUES(event_ts),
      created_ts = VALUES(created_ts)`;

/** An older row does not take the place of a newer one; nor does one of the same time that was created earlier. */
const isNewer = `
        event_ts IS NULL OR VALUES(event_ts) > event_ts OR VALUES(event_ts) = event_ts
          AND (created_ts IS NULL OR VALUES(created_ts) IS NULL OR VALUES(created_ts) >= created_ts)`;

/** Columns are assigned from left to right, and what stands further right sees the new ones: what is compared comes last. */
const takeNewer = `
      value = IF(${isNewer}, VALUES(value), value),
      created_ts = IF(${isNewer}, VALUES(created_ts), created_ts),
      event_ts = IF(event_ts > VALUES(event_ts), event_ts, VALUES(event_ts))`;

/** @throws StoreError `STORE_INVALID_ROW` for a key that the column cannot hold. */
export function storedKey(key: Uint8Array, row: number, table: OnlineTable): string {
  if (key.length <= MAX_KEY_BYTES) return hex(key);
  throw new StoreError(
    'STORE_INVALID_ROW',
    `Entity key ${row} of ${describeTable(table)} has ${key.length} bytes; the column entity_key holds ${MAX_KEY_BYTES}.`,
  );
}

/** @throws StoreError `STORE_INVALID_ROW` for a name that the column cannot hold. */
export function validateFeature(feature: string, table: OnlineTable): void {
  if ([...feature].length <= MAX_FEATURE) return;
  throw new StoreError(
    'STORE_INVALID_ROW',
    `A feature of ${describeTable(table)} has a name of more than ${MAX_FEATURE} characters.`,
  );
}

/**
 * A literal for a time: whole seconds, the fraction cut off. MySQL rounds fractions, MariaDB cuts them.
 * @throws StoreError `STORE_INVALID_ROW` for a year that four digits cannot show
 */
export function timeLiteral(time: EventTimestamp | undefined, row: number, table: OnlineTable): string {
  if (time === undefined) return 'NULL';
  if (time.seconds < MIN_SECONDS || time.seconds > MAX_SECONDS) {
    throw new StoreError(
      'STORE_INVALID_ROW',
      `Row ${row} of ${describeTable(table)} has a time that MySQL cannot hold (seconds ${time.seconds}).`,
    );
  }
  return `'${new Date(time.seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')}'`;
}

// MySQL prints as many digits of the fraction as the column has; Feast's have none.
const STORED_TIME = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/;

/**
 * The event time that a stored column means; 1970 for none.
 * @throws StoreError `STORE_CORRUPT` for MySQL's zero dates
 */
export function eventTime(stored: string | undefined, describe: () => string): EventTimestamp {
  if (stored === undefined) return { seconds: 0, nanos: 0 };
  const [, year, month, day, hour, minute, second, fraction = ''] = STORED_TIME.exec(stored) ?? [];
  if (Number(month) > 0 && Number(day) > 0) {
    const at = new Date(0);
    at.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
    at.setUTCHours(Number(hour), Number(minute), Number(second));
    return { seconds: at.getTime() / 1000, nanos: Number(fraction.padEnd(9, '0')) };
  }
  throw new StoreError('STORE_CORRUPT', `The event time of ${describe()} is not a time.`, {
    hint: 'The column event_ts holds a zero date; write the row again.',
  });
}

export function hex(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
}

export function quoteName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** A text as a literal that needs no escaping, whatever is in it. */
export function text(value: string): string {
  return `_utf8mb4 X'${Buffer.from(value, 'utf8').toString('hex')}'`;
}
