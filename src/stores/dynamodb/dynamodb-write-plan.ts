import { EncodingError } from '../../encoding/encoding-error.ts';
import type { OnlineRow, OnlineTable } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import { entityId, formatEventTime, type Item, isTooLarge, itemOf } from './dynamodb-layout.ts';

/** What is to be stored for one entity. */
export interface ItemWrite {
  readonly item: Item;
  /** Rows of the batch that it stands for. */
  readonly rows: number;
}

export interface TimedItemWrite extends ItemWrite {
  /** Its event time, as {@link formatEventTime} writes it. */
  readonly time: string;
}

/**
 * The items of a batch, one per entity: DynamoDB refuses a request that names an item twice, and requests under way side by side
 * have no order. Of several rows of an entity the last one is written, as in Feast.
 *
 * @param keys the serialized entity keys of `rows`
 * @param newestOnly whether an older row that comes later is left out
 * @throws StoreError `STORE_INVALID_ROW`
 */
export function planWrites(
  table: OnlineTable,
  rows: readonly OnlineRow[],
  keys: readonly Uint8Array[],
  newestOnly: boolean,
): TimedItemWrite[] {
  const writes = new Map<string, TimedItemWrite>();
  for (const [index, row] of rows.entries()) {
    const id = entityId(keys[index] ?? new Uint8Array());
    const time = timeOf(row, index, table);
    if (isTooLarge(time, row.values)) {
      throw new StoreError('STORE_INVALID_ROW', `Row ${index} of ${describeTable(table)} is larger than 400 KB.`, {
        hint: 'DynamoDB holds no larger items. Split the view.',
      });
    }
    const known = writes.get(id);
    const count = 1 + (known?.rows ?? 0);
    if (newestOnly && known !== undefined && time < known.time) writes.set(id, { ...known, rows: count });
    else writes.set(id, { item: itemOf(id, time, row.values), time, rows: count });
  }
  return [...writes.values()];
}

function timeOf(row: OnlineRow, index: number, table: OnlineTable): string {
  try {
    return formatEventTime(row.eventTimestamp);
  } catch (error) {
    if (!(error instanceof EncodingError)) throw error;
    throw new StoreError('STORE_INVALID_ROW', `Row ${index} of ${describeTable(table)}: ${error.message}`, {
      cause: error,
    });
  }
}
