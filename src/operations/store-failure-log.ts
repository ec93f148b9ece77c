import { StoreError } from '../stores/store-error.ts';
import type { ServiceTable } from '../transports/grpc/service-table.ts';
import type { Logger } from './logger.ts';

/** A store that is down fails every call; one line per code and interval says so without flooding the log. */
const INTERVAL_MS = 10_000;

/**
 * The same methods, with the failures of the store logged: the first of each code at once, then one line per interval with the
 * number of calls that failed in between. Callers learn about their own calls; this is for whoever operates the process.
 */
export function withStoreFailureLog(methods: ServiceTable, log: Logger, now: () => number = Date.now): ServiceTable {
  const seen = new Map<string, { since: number; more: number }>();
  const report = (err: unknown): void => {
    if (!(err instanceof StoreError)) return;
    const entry = seen.get(err.code);
    const time = now();
    if (entry !== undefined && time - entry.since < INTERVAL_MS) {
      entry.more++;
      return;
    }
    seen.set(err.code, { since: time, more: 0 });
    log.warn({ err, failedSinceLastLine: (entry?.more ?? 0) + 1 }, 'the online store failed');
  };
  return methods.map(({ path, handle }) => ({
    path,
    handle(message, call) {
      const answer = handle(message, call);
      if (answer instanceof Promise) answer.catch(report);
      return answer;
    },
  }));
}
