import { quoteName } from './sqlite-layout.ts';

/**
 * The tables of a project, without the project's name before theirs. Tables that only happen to be named so are told by
 * their columns.
 */
export const listTablesSql = `
  SELECT substr(name, length(:prefix) + 1)
  FROM sqlite_master
  WHERE type = 'table' AND substr(name, 1, length(:prefix)) = :prefix
    AND (SELECT count(*) FROM pragma_table_info(sqlite_master.name)
         WHERE name IN ('entity_key', 'feature_name', 'value', 'event_ts')) = 4
  ORDER BY name`;

/**
 * Stored keys from both ends of their order. Serializations begin with different bytes, so that keys of an older one stand
 * together at one end. Parameter: how many from each end.
 */
export function sampleKeysSql(name: string): string {
  const table = quoteName(name);
  return `
    SELECT * FROM (SELECT DISTINCT entity_key FROM ${table} ORDER BY entity_key LIMIT :count)
    UNION
    SELECT * FROM (SELECT DISTINCT entity_key FROM ${table} ORDER BY entity_key DESC LIMIT :count)`;
}
