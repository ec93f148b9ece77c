import { setImmediate as nextTurn } from 'node:timers/promises';
import { assertTimeLeft } from '../call-limits.ts';
import type { CallOptions } from '../online-store.ts';
import type { SpooledRows } from '../sql/row-spool.ts';
import { sortedBlocks } from '../sql/sorted-blocks.ts';
import { rowsOf } from '../sql/write-order.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import type { SqliteClock } from './sqlite-time.ts';
import { SqliteUpsert, type SqliteWrite } from './sqlite-upsert.ts';

/** Values after which others have their turn. */
const VALUES_AT_ONCE = 2000;

/**
 * Writes all rows of a load in one transaction.
 * @throws StoreError
 */
export async function writeLoad(
  connection: SqliteConnection,
  clock: SqliteClock,
  write: SqliteWrite,
  rows: SpooledRows,
  call?: CallOptions,
): Promise<void> {
  await connection.writeLong(async (database) => {
    const upsert = new SqliteUpsert(database, write, clock);
    for await (const block of sortedBlocks(rows, VALUES_AT_ONCE)) {
      upsert.writeRows(block, rowsOf(block));
      await nextTurn();
      assertTimeLeft(call, `writing SQLite file ${connection.path}`);
    }
  }, call);
}
