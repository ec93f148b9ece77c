import type { EventTimestamp, OnlineRow, OnlineTable } from '../online-store.ts';
import { asBuffer, describeTable } from '../row-objects.ts';
import { StoreError } from '../store-error.ts';
import type { RedisCommand } from './redis-connection.ts';
import {
  decodeTime,
  encodeTime,
  featureField,
  projectSuffix,
  redisKey,
  timeField,
  wholeMicros,
} from './redis-layout.ts';

const NEVER: EventTimestamp = { seconds: 0, nanos: 0 };

/** What is to be stored under one key: the time of the newest accepted row and all values of the accepted rows. */
interface PendingWrite {
  readonly key: Buffer;
  time: EventTimestamp;
  readonly values: Map<string, Uint8Array>;
}

/** Writes rows of one table, in Feast's order of events. */
export interface WritePlan {
  /** Asks for the stored time of every row, in order. */
  readonly timeCommands: readonly RedisCommand[];
  /**
   * One HSET per entity that has something to store: values and time travel in one command, so that no crash can leave new
   * values under an old time.
   * @param storedTimes replies to `timeCommands`; `undefined` to accept every row
   */
  hsets(storedTimes: readonly unknown[] | undefined): RedisCommand[];
}

/** @param keys the serialized entity keys of `rows` */
export function planWrites(table: OnlineTable, rows: readonly OnlineRow[], keys: readonly Uint8Array[]): WritePlan {
  const project = projectSuffix(table.project);
  const redisKeys = keys.map((key) => redisKey(key, project));
  const time = timeField(table.name);
  const fields = new Map<string, Buffer>();
  const fieldOf = (feature: string): Buffer => {
    const known = fields.get(feature) ?? featureField(table.name, feature);
    fields.set(feature, known);
    return known;
  };
  return {
    timeCommands: redisKeys.map((key) => ['hmget', key, time]),
    hsets(storedTimes) {
      const pending = new Map<string, PendingWrite>();
      for (const [index, row] of rows.entries()) {
        const key = redisKeys[index];
        if (key === undefined) continue;
        const id = key.toString('latin1');
        const write = pending.get(id);
        if (storedTimes !== undefined) {
          const stored = storedTime(storedTimes[index], table, index);
          const latest = later(write === undefined ? NEVER : write.time, stored);
          // A time of exactly 1970, or before, never counts as stored: Feast cannot tell it from no time.
          if (compareTimes(latest, NEVER) > 0 && compareTimes(row.eventTimestamp, latest) <= 0) continue;
        }
        const target = write ?? { key, time: row.eventTimestamp, values: new Map<string, Uint8Array>() };
        target.time = row.eventTimestamp;
        for (const [feature, value] of row.values) target.values.set(feature, value);
        pending.set(id, target);
      }
      return [...pending.values()].map((write) => {
        const command: (string | Buffer)[] = [time, encodeTime(write.time)];
        for (const [feature, value] of write.values) command.push(fieldOf(feature), asBuffer(value));
        return ['hset', write.key, ...command];
      });
    },
  };
}

function storedTime(reply: unknown, table: OnlineTable, row: number): EventTimestamp {
  const bytes: unknown = Array.isArray(reply) ? reply[0] : undefined;
  if (bytes === null) return NEVER;
  const time = Buffer.isBuffer(bytes) ? decodeTime(bytes) : undefined;
  if (time !== undefined) return time;
  throw new StoreError(
    'STORE_CORRUPT',
    `The time stored for row ${row} of ${describeTable(table)} in Redis is no Timestamp, so it cannot be compared.`,
    { hint: 'Delete the key, or write with skip_dedup.' },
  );
}

function later(a: EventTimestamp, b: EventTimestamp): EventTimestamp {
  return compareTimes(a, b) >= 0 ? a : b;
}

function compareTimes(a: EventTimestamp, b: EventTimestamp): number {
  return a.seconds - b.seconds || wholeMicros(a.nanos) - wholeMicros(b.nanos);
}
