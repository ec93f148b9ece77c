import type { OnlineTable } from '../online-store.ts';

/**
 * How Feast 0.67 lays rows out in SQLite: one table per view, one row per entity and feature.
 *
 * The primary key is (entity_key, feature_name); a second index on entity_key alone decides in which order Feast meets the
 * features of an entity.
 */
export function tableName(table: OnlineTable): string {
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

/** Parameters: entity_key, feature_name, value, value_text, [value_num,] event_ts, created_ts. */
export function upsertSql(name: string, withValueNumber: boolean): string {
  const data = ['value', 'value_text', ...(withValueNumber ? ['value_num'] : []), 'event_ts', 'created_ts'];
  const columns = ['entity_key', 'feature_name', ...data];
  return `
    INSERT INTO ${quoteName(name)} (${columns.join(', ')})
    VALUES (${columns.map(() => '?').join(', ')})
    ON CONFLICT(entity_key, feature_name) DO UPDATE SET ${data.map((column) => `${column} = excluded.${column}`).join(', ')}`;
}

/**
 * One query for many entities of one view. Its parameters are `keyCount` serialized entity keys (NULL matches nothing); its
 * rows are (number of the key, number of the feature, value), and for every entity that has a row at all one more
 * (number of the key, -1, event_ts).
 *
 * An entity's event time is that of the feature that was first stored last, of all that it holds, asked for or not: Feast
 * walks the features in that order and keeps the last time it saw.
 */
export function readSql(name: string, features: readonly string[], keyCount: number): string {
  const table = quoteName(name);
  const keys = Array.from({ length: keyCount }, (_, n) => `(${n}, ?)`).join(', ');
  const times = `
    SELECT n, -1, stored.event_ts
    FROM keys CROSS JOIN ${table} AS stored
      ON stored.rowid = (SELECT max(rowid) FROM ${table} WHERE entity_key = keys.k)`;
  if (features.length === 0) return `WITH keys(n, k) AS (VALUES ${keys}) ${times}`;
  const names = features.map((feature, m) => `(${m}, ${quoteText(feature)})`).join(', ');
  // CROSS JOIN keeps SQLite from turning the loops around: keys, then names, then one look-up in the primary key.
  return `
    WITH keys(n, k) AS (VALUES ${keys}), names(m, f) AS (VALUES ${names})
    SELECT n, m, stored.value
    FROM keys CROSS JOIN names CROSS JOIN ${table} AS stored
      ON stored.entity_key = keys.k AND stored.feature_name = names.f
    UNION ALL ${times}`;
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
