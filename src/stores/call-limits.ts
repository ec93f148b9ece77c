import type { CallOptions } from './online-store.ts';
import { StoreError } from './store-error.ts';

/** @throws StoreError `STORE_TIMEOUT` when the caller has stopped waiting already. */
export function assertTimeLeft(options: CallOptions | undefined, doing: string): void {
  if (options === undefined) return;
  const error = limitPassed(options, Date.now(), doing);
  if (error !== undefined) throw error;
}

/** The error for a caller that has stopped waiting by `now`; nothing while it waits. */
export function limitPassed(options: CallOptions, now: number, doing: string): StoreError | undefined {
  if (options.cancelled ?? options.signal?.aborted === true) return abandoned(doing);
  return options.deadline !== undefined && options.deadline <= now ? late(doing) : undefined;
}

/** Milliseconds until the caller stops waiting, at most `limitMs`. */
export function timeLeft(options: CallOptions | undefined, limitMs: number): number {
  return options?.deadline === undefined ? limitMs : Math.min(limitMs, options.deadline - Date.now());
}

/**
 * Settles as `work` does, unless the caller's deadline, its abort or `limitMs` comes first. The work itself goes on: a
 * command that was sent cannot be called back.
 *
 * @throws StoreError `STORE_TIMEOUT`
 */
export function withinLimits<T>(
  work: Promise<T>,
  options: CallOptions | undefined,
  limitMs: number,
  doing: string,
): Promise<T> {
  const signal = options?.signal;
  return new Promise<T>((resolve, reject) => {
    const leftMs = timeLeft(options, limitMs);
    const timer = setTimeout(
      () => settle(() => reject(leftMs < limitMs ? late(doing) : unanswered(doing, limitMs))),
      leftMs,
    );
    const onAbort = (): void => settle(() => reject(abandoned(doing)));
    const settle = (then: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      then();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    work.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}

function late(doing: string): StoreError {
  return new StoreError('STORE_TIMEOUT', `The caller's deadline passed while ${doing}.`);
}

function abandoned(doing: string): StoreError {
  return new StoreError('STORE_TIMEOUT', `The caller went away while ${doing}.`);
}

function unanswered(doing: string, limitMs: number): StoreError {
  return new StoreError('STORE_TIMEOUT', `No answer within ${limitMs} ms while ${doing}.`);
}
