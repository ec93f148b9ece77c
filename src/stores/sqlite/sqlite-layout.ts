import type { OnlineTable } from '../online-store.ts';

/**
 * How Feast 0.67 lays rows out in SQLite: one table per view, one row per entity and feature.
 *
 * The primary key is (entity_key, feature_name); a second index on entity_key alone decides in which order Feast meets the
 * features of an entity.
 */
export function tableName(table: Pick<OnlineTable, 'project' | 'name'>): string {
  return `${table.project}_${table.name}`;
}

export function createTableSql(name: string, withValueNumber: boolean): string {
  return `
    CREATE TABLE IF NOT EXISTS ${quoteName(name)} (
      entity_key BLOB,
      feature_name TEXT,
      value BLOB,
      value_text TEXT,${withValueNumber ? '\n      value_num REAL,' : ''}
      vector_value BLOB,
      event_ts timestamp,
      created_ts timestamp,
      PRIMARY KEY(entity_key, feature_name)
    )`;
}

export function createIndexSql(name: string): string {
  return `CREATE INDEX IF NOT EXISTS ${quoteName(`${name}_ek`)} ON ${quoteName(name)} (entity_key)`;
}

export function addColumnSql(name: string, column: 'value_text' | 'value_num'): string {
  return `ALTER TABLE ${quoteName(name)} ADD COLUMN ${column} ${column === 'value_num' ? 'REAL' : 'TEXT'}`;
}

export function dropTableSql(name: string): string {
  return `DROP TABLE IF EXISTS ${quoteName(name)}`;
}

/** Name of the SQL function that gives the whole seconds as which a time would be stored today; NULL for what is not a time. */
export const STORED_SECONDS = 'sideboard_stored_seconds';

export interface UpsertOptions {
  readonly withValueNumber: boolean;
  /**
   * What the row of a feature gives way to: any row; a newer one, where its times are numbers, as Feast stores them; or a newer one,
   * however its times are stored.
   */
  readonly over: 'any' | 'numbers' | 'older';
}

/**
 * Writes features of one entity with the same times. Parameters: entity_key, event_ts, created_ts; then for each feature value,
 * value_text and, with `withValueNumber`, value_num.
 */
export function upsertSql(name: string, features: readonly string[], { withValueNumber, over }: UpsertOptions): string {
  const search = ['value_text', ...(withValueNumber ? ['value_num'] : [])];
  const data = ['value', ...search, 'event_ts', 'created_ts'];
  const values = features.map((feature) => `(${quoteText(feature)}, ?${', ?'.repeat(search.length)})`);
  return `
    INSERT INTO ${quoteName(name)} (entity_key, feature_name, ${data.join(', ')})
    SELECT r.k, v.column1, v.column2, ${search.map((_, n) => `v.column${n + 3}`).join(', ')}, r.e, r.c
    FROM (SELECT ? AS k, ? AS e, ? AS c) AS r CROSS JOIN (VALUES ${values.join(', ')}) AS v
    WHERE true
    ON CONFLICT(entity_key, feature_name) DO UPDATE SET ${data.map((column) => `${column} = excluded.${column}`).join(', ')}
    ${over === 'any' ? '' : `WHERE ${over === 'numbers' ? isNewerNumber : isNewer}`}`;
}

/**
 * Whether an entity has a time that is not a number: NULL, or text, of which every one stands behind every number. Parameter: entity_key.
 */
export function findOtherTimesSql(name: string): string {
  return `
    SELECT 1 FROM ${quoteName(name)}
    WHERE entity_key = ? AND (event_ts IS NULL OR event_ts >= '' OR created_ts >= '')
    LIMIT 1`;
}

/**
 * An older row does not take the place of a newer one; nor does one of the same time that was created earlier. Only compares: for a
 * statement that calls a function SQLite keeps a journal, which costs a fifth of the time.
 */
const isNewerNumber = `
      event_ts < '' AND (excluded.event_ts > event_ts OR excluded.event_ts = event_ts
        AND (created_ts IS NULL OR excluded.created_ts IS NULL OR excluded.created_ts >= created_ts))`;

function seconds(column: string): string {
  return `(CASE typeof(${column}) WHEN 'integer' THEN ${column} ELSE ${STORED_SECONDS}(${column}) END)`;
}

/** The same for whatever is stored as a time. */
const isNewer = `
      ${seconds('event_ts')} IS NULL OR excluded.event_ts > ${seconds('event_ts')}
      OR excluded.event_ts = ${seconds('event_ts')} AND coalesce(excluded.created_ts >= ${seconds('created_ts')}, true)`;

/** Ends every name but the last in the list that {@link gatheredRowSql} gives. */
export const NAME_END = '\0';

/**
 * What one entity has in one view, in one result row: the names of its features, the lengths of their values, the values one
 * behind the other, 1 when it has a row at all, and its event time. Names and lengths stand in the order of the values. A value
 * that is not a blob has no length, so that the counts differ.
 *
 * An entity's event time is that of the feature that was first stored last, of all that it holds, asked for or not: Feast walks the
 * features in that order and keeps the last time it saw.
 *
 * Parameter `key`: the serialized entity key.
 * @param whole whether to gather all that is stored, or these features only
 */
export function gatheredRowSql(name: string, features: readonly string[], whole: boolean): string {
  const table = quoteName(name);
  const gathered = `
    group_concat(feature_name, char(0)),
    group_concat(CASE typeof(value) WHEN 'blob' THEN length(value) END),
    CAST(group_concat(value, '') AS BLOB)`;
  if (whole && features.length > 0) {
    // Beside max(), a plain column is that of the row with the maximum.
    return `
      SELECT ${gathered}, max(rowid) IS NOT NULL, event_ts
      FROM ${table}
      WHERE entity_key = :key`;
  }
  return `
    WITH newest AS MATERIALIZED (SELECT max(rowid) AS id FROM ${table} WHERE entity_key = :key)
    SELECT ${gathered},
      (SELECT id IS NOT NULL FROM newest),
      (SELECT event_ts FROM ${table} WHERE rowid = (SELECT id FROM newest))
    FROM ${table}
    WHERE entity_key = :key AND feature_name IN (${features.map(quoteText).join(', ')})`;
}

/** Names and values of one entity, a result row each. Parameter `key`: the serialized entity key. */
export function plainRowSql(name: string): string {
  return `SELECT feature_name, value FROM ${quoteName(name)} WHERE entity_key = :key`;
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
