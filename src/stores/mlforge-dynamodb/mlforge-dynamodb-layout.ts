import type { Item } from '../dynamodb/dynamodb-layout.ts';
import type { ItemWrite } from '../dynamodb/dynamodb-write-plan.ts';
import { entityHashOfKey } from '../mlforge/mlforge-layout.ts';
import { textFromRow } from '../mlforge/mlforge-rows.ts';
import type { OnlineRow, OnlineTable } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';

/**
 * How mlforge 0.7 lays rows out in DynamoDB: one table for all features, one item per entity and feature.
 *
 *     entity_key      S  entity hash, see mlforge-layout.ts; the partition key
 *     feature_name    S  the sort key
 *     feature_values  S  the row, one JSON object
 *     updated_at      S  when it was written, as Python's isoformat() has it: "2026-01-01T00:00:00.123456+00:00"
 *     ttl             N  when it expires, in seconds since 1970; left out where it does not
 */
export const ENTITY_KEY = 'entity_key';
export const FEATURE_NAME = 'feature_name';
export const FEATURE_VALUES = 'feature_values';
const UPDATED_AT = 'updated_at';
export const TTL = 'ttl';

/** DynamoDB's limits for an item, and for a sort key. */
const MAX_ITEM_BYTES = 400 * 1024;
const MAX_SORT_KEY_BYTES = 1024;
const NUMBER_BYTES = 21;

/** What the items of one call share. */
export interface WriteMoment {
  /** Microseconds since 1970. */
  readonly micros: number;
  /** 0 for rows that do not expire. */
  readonly ttlSeconds: number;
}

export function itemKey(hash: string, feature: string): Item {
  return { [ENTITY_KEY]: { S: hash }, [FEATURE_NAME]: { S: feature } };
}

export function itemOf(hash: string, feature: string, text: string, { micros, ttlSeconds }: WriteMoment): Item {
  const expires = Math.floor(micros / 1e6) + ttlSeconds;
  return {
    ...itemKey(hash, feature),
    [FEATURE_VALUES]: { S: text },
    [UPDATED_AT]: { S: isoTime(micros) },
    ...(ttlSeconds > 0 && { [TTL]: { N: String(expires) } }),
  };
}

/** Python's isoformat() leaves microseconds out where there are none. */
function isoTime(micros: number): string {
  const seconds = Math.floor(micros / 1e6);
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  const rest = micros - seconds * 1e6;
  return `${text}${rest === 0 ? '' : `.${String(rest).padStart(6, '0')}`}+00:00`;
}

/**
 * The items of a batch, one per entity: of several rows of an entity the last one is written.
 *
 * @param keys the serialized entity keys of `rows`
 * @throws StoreError `STORE_INVALID_ROW`
 */
export function planWrites(
  table: OnlineTable,
  rows: readonly OnlineRow[],
  keys: readonly Uint8Array[],
  moment: WriteMoment,
): ItemWrite[] {
  const writes = new Map<string, ItemWrite>();
  for (const [index, row] of rows.entries()) {
    const hash = entityHashOfKey(keys[index] ?? new Uint8Array());
    const text = textFromRow(row, index, table);
    if (isTooLarge(table.name, text)) {
      throw new StoreError('STORE_INVALID_ROW', `Row ${index} of ${describeTable(table)} is larger than 400 KB.`, {
        hint: 'DynamoDB holds no larger items. Split the view.',
      });
    }
    writes.set(hash, { item: itemOf(hash, table.name, text, moment), rows: 1 + (writes.get(hash)?.rows ?? 0) });
  }
  return [...writes.values()];
}

function isTooLarge(feature: string, text: string): boolean {
  const names = [ENTITY_KEY, FEATURE_NAME, FEATURE_VALUES, UPDATED_AT, TTL].join('').length;
  const size = names + 16 + Buffer.byteLength(feature) + Buffer.byteLength(text) + 32 + NUMBER_BYTES;
  return size > MAX_ITEM_BYTES;
}

/** @throws StoreError `STORE_INVALID_ROW` for a view whose name is not a sort key */
export function assertFeatureName({ name, project }: OnlineTable): void {
  if (name !== '' && Buffer.byteLength(name) <= MAX_SORT_KEY_BYTES) return;
  throw new StoreError(
    'STORE_INVALID_ROW',
    `${describeTable({ name, project })} cannot be stored in DynamoDB: its name has more than 1024 bytes, or none.`,
  );
}
