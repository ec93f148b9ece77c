import { ENTITY_HASH, entityHashOfKey } from '../mlforge/mlforge-layout.ts';
import { textFromRow } from '../mlforge/mlforge-rows.ts';
import type { OnlineRow, OnlineTable } from '../online-store.ts';
import type { RedisCommand } from '../redis/redis-connection.ts';
import { escapeGlob } from '../redis/redis-layout.ts';

/**
 * Where mlforge 0.7 keeps rows in Redis: one string per feature and entity, `{prefix}:{feature_name}:{entity hash}`. Nothing in a
 * name is escaped, so that the prefix `a` with the feature `b:c` and the prefix `a:b` with the feature `c` share their keys.
 */

/** What the keys of a table begin with. */
export function keyPrefix(prefix: string, table: Pick<OnlineTable, 'name'>): string {
  return `${prefix}:${table.name}:`;
}

/** SCAN pattern for the rows of a table; what it finds must still pass {@link entityHashIn}. */
export function tablePattern(tablePrefix: string): Buffer {
  return Buffer.concat([escapeGlob(Buffer.from(tablePrefix)), Buffer.from('*')]);
}

/** The entity hash in a key of the table; `undefined` for a key of another table, whose name goes on where this one's ends. */
export function entityHashIn(key: Buffer, tablePrefix: string): string | undefined {
  const prefix = Buffer.from(tablePrefix);
  if (!key.subarray(0, prefix.length).equals(prefix)) return undefined;
  const rest = key.toString('latin1', prefix.length);
  return ENTITY_HASH.test(rest) ? rest : undefined;
}

/**
 * The command that writes each row. SET without a time to live also ends an earlier one.
 * @param keys serialized entity keys of the rows
 * @throws StoreError `STORE_INVALID_ROW`
 */
export function writeCommands(
  table: OnlineTable,
  rows: readonly OnlineRow[],
  keys: readonly Uint8Array[],
  tablePrefix: string,
  ttl: number,
): RedisCommand[] {
  return rows.map((row, index) => {
    const key = tablePrefix + entityHashOfKey(keys[index] ?? new Uint8Array());
    const text = textFromRow(row, index, table);
    return ttl > 0 ? ['setex', key, ttl, text] : ['set', key, text];
  });
}
