import { create } from '@bufbuild/protobuf';
import { type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt';
import type { TimePoint } from '../../encoding/timestamp.ts';

/** The time by this machine's clock, in microseconds, which is what Feast's times have. */
export function timestampNow(): Timestamp {
  const micros = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000));
  return create(TimestampSchema, { seconds: micros / 1_000_000n, nanos: Number(micros % 1_000_000n) * 1000 });
}

/** Cut to microseconds. */
export function timestampFrom({ seconds, nanos }: TimePoint): Timestamp {
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos: nanos - (nanos % 1000) });
}

/** The times of an object that was made now. */
export function bothTimes(now: Timestamp): {
  readonly createdTimestamp: Timestamp;
  readonly lastUpdatedTimestamp: Timestamp;
} {
  return { createdTimestamp: now, lastUpdatedTimestamp: now };
}
