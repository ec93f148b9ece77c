import type { EventTimestamp } from '../online-store.ts';
import { StoreError } from '../store-error.ts';

/**
 * Event times as Feast's Python keeps them in SQLite: whole seconds since 1970, in the columns `event_ts` and `created_ts`.
 *
 * Feast drops the zone of a UTC time before it asks for its epoch, so Python takes it for local time: what is stored is
 * shifted by the UTC offset of the machine that wrote it. A `SqliteClock` made for that machine's zone undoes the shift when
 * reading and applies it when writing. In UTC there is none.
 */
export interface SqliteClock {
  /**
   * Whole seconds to store for an event time; the fraction is cut off as Python's `int()` does. They are ordered as the event times are
   * that they mean.
   */
  storedSeconds(time: EventTimestamp): number;
  /**
   * The event time that a stored column means.
   * @param describe names the column's place for the error message
   * @throws StoreError `STORE_CORRUPT` when it is not a time.
   */
  eventTime(stored: unknown, describe: () => string): EventTimestamp;
}

const DAY = 86_400;
const BUCKET = 900;
const MAX_BUCKETS = 10_000;

// "2026-01-10 08:00:00.123456+00:00", the text form of older Feast versions: UTC unless it carries an offset.
const TEXT_TIME = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?$/;

/** @param timezone IANA name, for example `America/New_York` */
export function createSqliteClock(timezone: string): SqliteClock {
  const offsetAt = timezone === 'UTC' ? () => 0 : createZoneOffset(timezone);
  return {
    storedSeconds({ seconds, nanos }) {
      const stored = localToEpoch(seconds, offsetAt);
      return stored < 0 && nanos >= 1000 ? stored + 1 : stored;
    },
    eventTime(stored, describe) {
      if (typeof stored === 'number' && Math.abs(stored) < 1e13) {
        const seconds = Math.floor(stored);
        return { seconds: seconds + offsetAt(seconds), nanos: Math.floor((stored - seconds) * 1e6) * 1000 };
      }
      const time = typeof stored === 'string' ? parseTextTime(stored) : undefined;
      if (time !== undefined) return time;
      throw new StoreError('STORE_CORRUPT', `The event time of ${describe()} is not a time.`, {
        hint: 'Feast stores whole seconds since 1970 in the column event_ts.',
      });
    },
  };
}

/** Throws a RangeError for a zone that is not known. */
export function createZoneOffset(timezone: string): (epochSeconds: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    calendar: 'gregory',
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const offsets = new Map<number, number>();
  return (epochSeconds) => {
    // Offsets change at multiples of a quarter of an hour.
    const bucket = Math.floor(epochSeconds / BUCKET);
    const known = offsets.get(bucket);
    if (known !== undefined) return known;
    const at = bucket * BUCKET;
    const parts = Object.fromEntries(format.formatToParts(at * 1000).map(({ type, value }) => [type, value]));
    const year = parts.era === 'BC' ? 1 - Number(parts.year) : Number(parts.year);
    const local = new Date(0);
    local.setUTCFullYear(year, Number(parts.month) - 1, Number(parts.day));
    local.setUTCHours(Number(parts.hour), Number(parts.minute), Number(parts.second));
    const offset = local.getTime() / 1000 - at;
    if (offsets.size >= MAX_BUCKETS) offsets.clear();
    offsets.set(bucket, offset);
    return offset;
  };
}

/**
 * The epoch of a local wall-clock time, chosen as Python chooses it: the first of two when clocks go back, the later
 * reading when clocks go forward and the time never was.
 */
function localToEpoch(local: number, offsetAt: (epochSeconds: number) => number): number {
  const before = local - offsetAt(local - DAY);
  const after = local - offsetAt(local + DAY);
  for (const candidate of [Math.min(before, after), Math.max(before, after)]) {
    if (candidate + offsetAt(candidate) === local) return candidate;
  }
  return Math.max(before, after);
}

function parseTextTime(text: string): EventTimestamp | undefined {
  const match = TEXT_TIME.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone = 'Z'] = match;
  const local = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  // Date.UTC carries a thirteenth month or a 31st of February over into the next.
  if (!new Date(local).toISOString().startsWith(`${year}-${month}-${day}T${hour}`)) return undefined;
  const offset =
    zone === 'Z' ? 0 : Number(`${zone[0]}1`) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))) * 60;
  return { seconds: local / 1000 - offset, nanos: Number(fraction.padEnd(9, '0')) };
}
