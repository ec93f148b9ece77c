import { EncodingError } from '../../encoding/encoding-error.ts';
import { formatTimestamp, parseTimestamp, type TimePoint } from '../../encoding/timestamp.ts';
import { MaterializeError } from '../materialize-error.ts';

/** Rows from `start` to `end` are loaded, both included, as Feast does with files. Nanoseconds are whole microseconds. */
export interface LoadInterval {
  readonly start: TimePoint;
  readonly end: TimePoint;
}

/** Weeks before now with which Feast begins where a view has no ttl and was never loaded. */
const WEEKS_WITHOUT_TTL = 52;

/**
 * A bound that a user gave. Without a zone it is UTC; what is finer than a microsecond is cut off, as in Feast.
 * @throws MaterializeError `MATERIALIZE_INTERVAL_INVALID`
 */
export function parseBound(text: string, name: string): TimePoint {
  try {
    // A number alone would count seconds: more likely a slip.
    if (!/^\s*\d+(\.\d*)?\s*$/.test(text)) return toMicros(parseTimestamp(text));
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
  }
  throw new MaterializeError('MATERIALIZE_INTERVAL_INVALID', `${name} is not a point in time: "${text}".`, {
    hint: 'Use RFC 3339, such as 2026-01-10T08:00:00Z; without a zone it is UTC.',
  });
}

/** @throws MaterializeError `MATERIALIZE_INTERVAL_INVALID` */
export function intervalFrom(start: TimePoint, end: TimePoint): LoadInterval {
  if (compare(start, end) <= 0) return { start, end };
  throw new MaterializeError(
    'MATERIALIZE_INTERVAL_INVALID',
    `START ${timeText(start)} is after END ${timeText(end)}.`,
    { hint: 'Give the earlier time first.' },
  );
}

/**
 * Where an incremental run begins: where the last one ended; for a view that was never loaded, its ttl before now, or a year
 * where it has none.
 * @returns the interval; `undefined` where the last run ended behind `end`
 */
export function incrementalInterval(
  lastEnd: TimePoint | undefined,
  ttlSeconds: number,
  end: TimePoint,
  nowMs: number,
): LoadInterval | undefined {
  const back = ttlSeconds > 0 ? ttlSeconds : WEEKS_WITHOUT_TTL * 7 * 86_400;
  const start = lastEnd ?? toMicros(parseTimestamp(new Date(Math.max(0, nowMs - back * 1000))));
  return compare(start, end) <= 0 ? { start, end } : undefined;
}

export function compare(a: TimePoint, b: TimePoint): number {
  return a.seconds - b.seconds || a.nanos - b.nanos;
}

export function timeText(time: TimePoint): string {
  return formatTimestamp(time.seconds, time.nanos);
}

/** Microseconds since 1970. */
export function microsOf(time: TimePoint): bigint {
  return BigInt(time.seconds) * 1_000_000n + BigInt(Math.floor(time.nanos / 1000));
}

function toMicros({ seconds, nanos }: TimePoint): TimePoint {
  return { seconds, nanos: Math.floor(nanos / 1000) * 1000 };
}
