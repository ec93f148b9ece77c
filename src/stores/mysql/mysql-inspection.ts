import { quoteName } from './mysql-layout.ts';

/** Tables with the columns of Feast's layout. */
export const listTablesSql = `
  SELECT CONVERT(table_name USING utf8mb4)
  FROM information_schema.columns
  WHERE table_schema = DATABASE() AND column_name IN ('entity_key', 'feature_name', 'value', 'event_ts')
  GROUP BY table_name
  HAVING COUNT(*) = 4
  ORDER BY table_name`;

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
