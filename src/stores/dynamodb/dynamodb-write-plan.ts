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

/**
 * The items of a batch, one per entity: DynamoDB refuses a request that names an item twice, and requests under way side by side
 * have no order. Of several rows of an entity the last one is written, as in Feast.
 *
 * @param keys the serialized entity keys of `rows`
 * @throws StoreError `STORE_INVALID_ROW`
 */
export function planWrites(table: OnlineTable, rows: readonly OnlineRow[], keys: readonly Uint8Array[]): ItemWrite[] {
  const writes = new Map<string, ItemWrite>();
  for (const [index, row] of rows.entries()) {
    const id = entityId(keys[index] ?? new Uint8Array());
    const time = timeOf(row, index, table);
    if (isTooLarge(time, row.values)) {
      throw new StoreError('STORE_INVALID_ROW', `Row ${index} of ${describeTable(table)} is larger than 400 KB.`, {
        hint: 'DynamoDB holds no larger items. Split the view.',
      });
    }
    writes.set(id, { item: itemOf(id, time, row.values), rows: 1 + (writes.get(id)?.rows ?? 0) });
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
