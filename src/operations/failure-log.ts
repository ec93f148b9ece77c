import { SideboardError } from '../errors.ts';
import { StoreError } from '../stores/store-error.ts';
import { createForwardClock } from './forward-clock.ts';
import type { Logger } from './logger.ts';

/** A store or an identity provider that is down fails every call; one line per code and interval says so without flooding the log. */
const INTERVAL_MS = 10_000;
const CALLERS_UNKNOWN = 'it cannot be found out who calls';

/**
 * Logs the failures of calls that the operator has to know of: each one that nobody foresaw; of the store's, and of whoever vouches for
 * callers, the first of each code at once, then one line per interval with the number of calls that failed in between. Of the others
 * only the caller learns.
 */
export function createFailureLog(
  log: Logger,
  now: () => number = createForwardClock(),
): (error: unknown, path: string | undefined) => void {
  const seen = new Map<string, { since: number; more: number }>();
  const logRepeated = (err: SideboardError, what: string): void => {
    const entry = seen.get(err.code);
    const time = now();
    if (entry !== undefined && time - entry.since < INTERVAL_MS) {
      entry.more++;
      return;
    }
    seen.set(err.code, { since: time, more: 0 });
    log.warn({ err, failedSinceLastLine: (entry?.more ?? 0) + 1 }, what);
  };
  return (err, path) => {
    if (err instanceof StoreError) logRepeated(err, 'the online store failed');
    else if (err instanceof SideboardError && err.code === 'AUTH_UNAVAILABLE') logRepeated(err, CALLERS_UNKNOWN);
    else if (!(err instanceof SideboardError) || err.kind === 'internal') log.error({ err, path }, 'a call failed');
  };
}
