import { deserializeEntityKey } from '../encoding/entity-key.ts';
import type { OnlineRow, OnlineTable } from './online-store.ts';
import { describeTable, keysFromRows } from './row-objects.ts';
import { StoreError } from './store-error.ts';
import { WriteBlock } from './write-block.ts';

/**
 * Lays rows out as a block, in their order. No two of them may have the same key.
 * @param features what every row has a value of, and nothing else
 * @param keys the serialized entity keys of `rows`, where they are known
 * @throws StoreError `STORE_INVALID_ROW` for a key or a time that cannot be stored, and for a row with other features
 */
export function writeBlockFromRows(
  table: OnlineTable,
  features: readonly string[],
  rows: readonly OnlineRow[],
  keys: readonly Uint8Array[] = keysFromRows(table, rows),
): WriteBlock {
  const block = new WriteBlock(features, rows.length);
  const { out } = block;
  for (const [index, row] of rows.entries()) {
    out.raw(keys[index] ?? new Uint8Array());
    block.endPiece();
    for (const feature of features) {
      const value = row.values.get(feature);
      if (value === undefined || row.values.size !== features.length) {
        throw new StoreError(
          'STORE_INVALID_ROW',
          `Row ${index} of ${describeTable(table)} has other features than its block (${features.join(', ')}).`,
        );
      }
      out.raw(value);
      block.endPiece();
    }
    const { eventTimestamp: event, createdTimestamp: created } = row;
    block.endRow(event.seconds, event.nanos, created?.seconds, created?.nanos);
  }
  return block;
}

/** Row objects of a block, for a store that writes row by row. Their values are the block's own bytes. */
export function rowsFromWriteBlock(block: WriteBlock): OnlineRow[] {
  return Array.from({ length: block.rows }, (_, row) => {
    const createdTimestamp = block.createdAt(row);
    return {
      entityKey: deserializeEntityKey(block.keyAt(row)),
      values: new Map(block.features.map((name, feature) => [name, block.valueAt(row, feature)])),
      eventTimestamp: block.timestampAt(row),
      ...(createdTimestamp !== undefined && { createdTimestamp }),
    };
  });
}
