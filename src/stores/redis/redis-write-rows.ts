import type { CallOptions, EventTimestamp } from '../online-store.ts';
import { describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import type { RedisCommand, RedisConnection } from './redis-connection.ts';
import { CORRUPT_TIME_HINT } from './redis-errors.ts';
import { GUARD_SCRIPT } from './redis-guard-script.ts';
import { decodeTime, wholeMicros } from './redis-layout.ts';
import type { WritePlan } from './redis-write-plan.ts';

/**
 * Writes rows through the client library, which follows a cluster's redirections: for rows of a cluster that moved, one command each.
 * @throws StoreError
 */
export async function writeRows(
  connection: RedisConnection,
  plan: WritePlan,
  rows: readonly number[],
  call: CallOptions | undefined,
): Promise<void> {
  if (!plan.guarded) {
    await storeRows(connection, plan, rows, call);
    return;
  }
  const { fields, ttl } = plan;
  const commands = rows.map((row): RedisCommand => {
    const key = plan.keyOf(row);
    return ['eval', GUARD_SCRIPT, 1, key, ttl, fields.length, ...fields, ...plan.valuesOf(row)];
  });
  // What was stored is not newer than itself: a repetition changes nothing.
  await connection.run(commands, { repeatable: true }, call);
}

/**
 * Writes rows where Redis runs no scripts: reads the stored times, compares, and stores what is newer. Another writer can come in
 * between, and then the later command wins.
 * @throws StoreError
 */
export async function writeRowsCompared(
  connection: RedisConnection,
  plan: WritePlan,
  rows: Int32Array,
  size: number,
  call: CallOptions | undefined,
): Promise<void> {
  const [time = ''] = plan.fields;
  for (let start = 0; start < rows.length; start += size) {
    const part = [...rows.subarray(start, start + size)];
    const reads = part.map((row): RedisCommand => ['hmget', plan.keyOf(row), time]);
    const stored = await connection.run(reads, { repeatable: true }, call);
    const newer = part.filter((row, index) => isNewer(plan, row, stored[index]));
    await storeRows(connection, plan, newer, call);
  }
}

async function storeRows(
  connection: RedisConnection,
  plan: WritePlan,
  rows: readonly number[],
  call: CallOptions | undefined,
): Promise<void> {
  const hsets = rows.map((row): RedisCommand => {
    const values = plan.valuesOf(row);
    return ['hset', plan.keyOf(row), ...plan.fields.flatMap((field, index) => [field, values[index] ?? ''])];
  });
  const expires: RedisCommand[] = plan.ttl > 0 ? hsets.map(([, key = '']) => ['expire', key, plan.ttl]) : [];
  if (connection.isCluster) {
    // A redirected HSET could arrive behind its EXPIRE, which would then do nothing.
    await connection.run(hsets, { repeatable: false }, call);
    await connection.run(expires, { repeatable: true }, call);
  } else {
    const commands = hsets.flatMap((hset, index) => [hset, ...expires.slice(index, index + 1)]);
    await connection.run(commands, { repeatable: false }, call);
  }
}

/** What the script decides, for one row. */
function isNewer(plan: WritePlan, row: number, reply: unknown): boolean {
  const bytes: unknown = Array.isArray(reply) ? reply[0] : undefined;
  if (bytes === null) return true;
  const stored = Buffer.isBuffer(bytes) ? decodeTime(bytes) : undefined;
  if (stored === undefined) throw corruptStoredTime(plan, row);
  // A time of exactly 1970, or before, never counts as stored: Feast cannot tell it from no time.
  if (compareTimes(stored, NEVER) <= 0) return true;
  return compareTimes(plan.block.timestampAt(row), stored) > 0;
}

const NEVER: EventTimestamp = { seconds: 0, nanos: 0 };

function compareTimes(a: EventTimestamp, b: EventTimestamp): number {
  return a.seconds - b.seconds || wholeMicros(a.nanos) - wholeMicros(b.nanos);
}

function corruptStoredTime(plan: WritePlan, row: number): StoreError {
  return new StoreError(
    'STORE_CORRUPT',
    `The time stored for row ${plan.rowNumber(row)} of ${describeTable(plan.table)} in Redis is not a Timestamp, so it cannot be compared.`,
    { hint: CORRUPT_TIME_HINT },
  );
}
