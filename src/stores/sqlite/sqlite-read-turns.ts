import { setImmediate as nextTurn } from 'node:timers/promises';
import { assertTimeLeft } from '../call-limits.ts';
import type { CallOptions } from '../online-store.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import { type SqliteRead, SqliteRowReader } from './sqlite-row-reader.ts';
import type { SqliteClock } from './sqlite-time.ts';

/**
 * Fills the blocks of all reads, `values` at a time. Between, the event loop has its turn, and the caller may have gone away.
 * @throws StoreError
 */
export async function readInTurns(
  connection: SqliteConnection,
  clock: SqliteClock,
  reads: readonly SqliteRead[],
  values: number,
  call?: CallOptions,
): Promise<void> {
  for (const read of reads) {
    const { keys, block } = read;
    const rows = new SqliteRowReader(read, clock);
    const step = Math.max(1, Math.floor(values / Math.max(1, read.features.length)));
    for (let start = 0; start < keys.length; start += step) {
      const end = Math.min(start + step, keys.length);
      await connection.readTogether((reader) => rows.readRows(reader, keys, block, start, end), call);
      await nextTurn();
      assertTimeLeft(call, `reading SQLite file ${connection.path}`);
    }
  }
}
