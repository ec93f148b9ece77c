import type { OnlineTable, TableRead } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import type { RedisCommand } from './redis-connection.ts';
import { decodeTime, fieldsOfTable, projectSuffix, redisKey } from './redis-layout.ts';

/** The reads of a request that share all entity keys: one HMGET per key brings the fields of all of them. */
interface ReadGroup {
  readonly keys: readonly Uint8Array[];
  readonly reads: TableRead[];
}

/** The commands for some reads, and what to do with their replies. */
export interface ReadPlan {
  readonly commands: readonly RedisCommand[];
  /** Fills the reads' blocks. @throws StoreError `STORE_CORRUPT` */
  fill(replies: readonly unknown[]): void;
}

export type FieldsOfRead = (table: OnlineTable, features: readonly string[]) => readonly Buffer[];

export function planReads(reads: readonly TableRead[], fieldsOf: FieldsOfRead = fieldsOfTable): ReadPlan {
  const groups = groupReads(reads);
  const commands: RedisCommand[] = [];
  for (const group of groups) {
    const fields = group.reads.flatMap((read) => fieldsOf(read.table, read.features));
    const project = projectSuffix(group.reads[0]?.table.project ?? '');
    for (const key of group.keys) commands.push(['hmget', redisKey(key, project), ...fields]);
  }
  return {
    commands,
    fill(replies) {
      let index = 0;
      for (const group of groups) {
        for (let row = 0; row < group.keys.length; row++) fillRow(group.reads, row, replies[index++]);
      }
    },
  };
}

function groupReads(reads: readonly TableRead[]): ReadGroup[] {
  const groups: ReadGroup[] = [];
  for (const read of reads) {
    const group = groups.find(
      (each) => each.reads[0]?.table.project === read.table.project && sameKeys(each.keys, read.keys),
    );
    if (group === undefined) groups.push({ keys: read.keys, reads: [read] });
    else group.reads.push(read);
  }
  return groups;
}

function sameKeys(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  return a.every((key, row) => {
    const other = b[row];
    return other !== undefined && Buffer.compare(key, other) === 0;
  });
}

function fillRow(reads: readonly TableRead[], row: number, reply: unknown): void {
  let offset = 0;
  for (const { table, features, block } of reads) {
    const values = Array.isArray(reply) ? reply : [];
    const time: unknown = values[offset + features.length];
    let found = false;
    for (let feature = 0; feature < features.length; feature++) {
      const value: unknown = values[offset + feature];
      if (Buffer.isBuffer(value)) {
        block.setValue(row, feature, value, 0, value.length);
        found = true;
      } else if (value !== null) {
        throw corruptReply(table, row, 'its reply is no list of values');
      }
    }
    offset += features.length + 1;
    if (Buffer.isBuffer(time)) {
      const read = decodeTime(time);
      if (read === undefined) throw corruptReply(table, row, 'its event time is no Timestamp');
      block.setRow(row, read.seconds, read.nanos);
    } else if (time !== null) {
      throw corruptReply(table, row, 'its reply is no list of values');
    } else if (found) {
      // Values without a time: Feast shows them with 1970.
      block.setRow(row, 0, 0);
    }
  }
}

function corruptReply(table: OnlineTable, row: number, what: string): StoreError {
  return new StoreError('STORE_CORRUPT', `Row ${row} of ${describeTable(table)} in Redis: ${what}.`, {
    hint: 'Write the row again, or look at the key with HGETALL.',
  });
}
