import { setImmediate as nextTurn } from 'node:timers/promises';
import { assertTimeLeft } from '../call-limits.ts';
import type { CallOptions } from '../online-store.ts';
import type { SpooledRows } from '../sql/row-spool.ts';
import { sortedBlocks } from '../sql/sorted-blocks.ts';
import { rowsOf } from '../sql/write-order.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import type { BlockToWrite } from './sqlite-load-messages.ts';
import type { SqliteClock } from './sqlite-time.ts';
import { SqliteUpsert, type SqliteWrite } from './sqlite-upsert.ts';

/** Values after which others have their turn. */
const VALUES_AT_ONCE = 2000;

/** Rows that were kept until now, in the order of their keys. */
export async function* blocksFromSpool(rows: SpooledRows): AsyncGenerator<BlockToWrite, void, undefined> {
  for await (const block of sortedBlocks(rows, VALUES_AT_ONCE)) yield { block };
}

/**
 * Writes all rows of a load in one transaction.
 * @throws StoreError
 */
export async function writeLoad(
  connection: SqliteConnection,
  clock: SqliteClock,
  write: SqliteWrite,
  blocks: AsyncIterable<BlockToWrite>,
  call?: CallOptions,
): Promise<void> {
  await connection.writeLong(async (database) => {
    const upsert = new SqliteUpsert(database, write, clock);
    for await (const { block, search } of blocks) {
      upsert.writeRows(block, rowsOf(block), search);
      await nextTurn();
      assertTimeLeft(call, `writing SQLite file ${connection.path}`);
    }
  }, call);
}
