import type { EventTimestamp } from './online-store.ts';

/** Which of two points in time is later: negative where the second one is. */
export function compareTimes(a: EventTimestamp, b: EventTimestamp): number {
  return a.seconds - b.seconds || a.nanos - b.nanos;
}
