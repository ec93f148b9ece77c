import type { EventTimestamp, OnlineRow } from '../online-store.ts';
import { batchEntities } from '../sql/batch-cells.ts';
import { featuresInOrder } from '../sql/write-order.ts';
import type { WriteBlock } from '../write-block.ts';
import type { PostgresConnection } from './postgres-connection.ts';
import { storedMicros, validateKey } from './postgres-layout.ts';
import { type PostgresRowCells, PostgresUpsert, type PostgresWrite } from './postgres-upsert.ts';

/**
 * What is written of a batch; refuses rows that cannot be, before anything is.
 * @param keys the serialized entity keys of `rows`
 */
export function batchOf(
  write: PostgresWrite,
  rows: readonly OnlineRow[],
  keys: readonly Uint8Array[],
): (connection: PostgresConnection) => Promise<void> {
  const rowCells = rows.map((row, place) => {
    validateKey(keys[place] ?? new Uint8Array(), place, write.table);
    return rowCellsOf(write, row.eventTimestamp, row.createdTimestamp, place);
  });
  const entities = batchEntities(rows, keys, write.newestOnly);
  return async (connection) => {
    const upsert = await PostgresUpsert.begin(connection, write);
    for (const { key, cells } of entities) {
      for (const { feature, value, row } of cells) {
        upsert.add(key, feature, rowCells[row] as PostgresRowCells, value);
        if (upsert.isFull) await upsert.flush();
      }
    }
    await upsert.flush();
  };
}

/**
 * Writes rows of a block.
 * @param rows their places in the block, in the order of their keys
 */
export async function writeBlockRows(
  connection: PostgresConnection,
  write: PostgresWrite,
  block: WriteBlock,
  rows: Iterable<number>,
): Promise<void> {
  const { bytes, features } = block;
  const upsert = await PostgresUpsert.begin(connection, write);
  const order = featuresInOrder(features);
  for (const row of rows) {
    const key = block.keyAt(row);
    validateKey(key, row, write.table);
    const cells = rowCellsOf(write, block.timestampAt(row), block.createdAt(row), row);
    for (const feature of order) {
      const [start, end] = [block.startOf(row, feature + 1), block.endOf(row, feature + 1)];
      upsert.add(key, features[feature] as string, cells, bytes, start, end);
    }
    if (upsert.isFull) await upsert.flush();
  }
  await upsert.flush();
}

function rowCellsOf(
  { table }: PostgresWrite,
  event: EventTimestamp,
  created: EventTimestamp | undefined,
  place: number,
): PostgresRowCells {
  const eventTime = storedMicros(event, place, table);
  return { eventTime, createdTime: created === undefined ? null : storedMicros(created, place, table), place };
}
