import { assertTimeLeft } from '../call-limits.ts';
import type { CallOptions } from '../online-store.ts';
import type { WriteBlock } from '../write-block.ts';
import type { SpooledRows } from './row-spool.ts';
import { sortedBlocks } from './sorted-blocks.ts';
import type { SqlConnection, SqlDatabase } from './sql-database.ts';

/** Values of a block; a statement takes about as many. */
const VALUES_AT_ONCE = 2000;

/**
 * Writes all rows of a load in one transaction, and once more where the server gave it up in favour of another one. Settles when it
 * has no more use for the rows.
 * @param writeBlock writes a block whose rows stand in the order of their keys
 */
export async function commitRows<C extends SqlConnection>(
  database: SqlDatabase<C>,
  rows: SpooledRows,
  writeBlock: (connection: C, block: WriteBlock) => Promise<void>,
  call: CallOptions | undefined,
): Promise<void> {
  const writeAll = async (connection: C): Promise<void> => {
    for await (const block of sortedBlocks(rows, VALUES_AT_ONCE)) {
      await writeBlock(connection, block);
      assertTimeLeft(call, 'writing the rows of a load');
    }
  };
  let writing: Promise<void> = Promise.resolve();
  try {
    await database.transact((connection) => {
      writing = writeAll(connection);
      return writing;
    }, call);
  } finally {
    // A caller that leaves is not waited for, but its connection is cut, which ends this.
    await writing.catch(() => {});
  }
}
