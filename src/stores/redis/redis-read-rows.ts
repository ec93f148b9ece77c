import type { CallOptions } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import type { RedisCommand, RedisConnection } from './redis-connection.ts';
import { redisKey } from './redis-layout.ts';
import { corruptTime, fieldsOfReads, type ReadGroup, setRowTime } from './redis-read-groups.ts';

/** One row of a group. */
export interface RowRead {
  readonly group: ReadGroup;
  readonly row: number;
}

/** Reads single rows through the client library: for rows of a cluster that moved. @throws StoreError */
export async function readRows(
  connection: RedisConnection,
  rows: readonly RowRead[],
  call: CallOptions | undefined,
): Promise<void> {
  const groups = new Set(rows.map(({ group }) => group));
  const fields = new Map([...groups].map((group) => [group, fieldsOfReads(group.reads)]));
  const commands = rows.map(({ group, row }): RedisCommand => {
    const { keys, request } = group;
    return ['hmget', redisKey(keys[row] ?? new Uint8Array(), request.project), ...(fields.get(group) ?? [])];
  });
  const replies = await connection.run(commands, { repeatable: true }, call);
  for (const [index, { group, row }] of rows.entries()) fillRow(group, row, replies[index]);
}

function fillRow(group: ReadGroup, row: number, reply: unknown): void {
  const values: readonly unknown[] = Array.isArray(reply) ? reply : [];
  let offset = 0;
  for (const read of group.reads) {
    const { table, features, block } = read;
    block.clearRow(row);
    for (let feature = 0; feature < features.length; feature++) {
      const value = values[offset + feature];
      if (Buffer.isBuffer(value)) block.setValue(row, feature, value, 0, value.length);
      else if (value !== null) {
        throw new StoreError(
          'STORE_CORRUPT',
          `Row ${row} of ${describeTable(table)} in Redis: its reply is not a list of values.`,
        );
      }
    }
    offset += features.length + 1;
    const time = values[offset - 1];
    if (!setRowTime(read, row, Buffer.isBuffer(time) ? time : undefined)) throw corruptTime(read, row);
  }
}
