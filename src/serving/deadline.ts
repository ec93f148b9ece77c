import type { CallOptions } from '../stores/online-store.ts';
import { ServingError } from './serving-error.ts';

/**
 * Waits for `work`, but not past the caller's deadline and not after the caller went away. Work that comes too late is
 * dropped: its result, and its failure too.
 *
 * @throws ServingError `DEADLINE_EXCEEDED`, `REQUEST_CANCELLED`
 */
export function withinDeadline<T>(work: Promise<T>, what: string, call: CallOptions): Promise<T> {
  const { deadline, signal } = call;
  if (deadline === undefined && signal === undefined) return work;
  return new Promise<T>((resolve, reject) => {
    const cancel = () => finish(() => reject(cancelled(what)));
    const timer =
      deadline === undefined
        ? undefined
        : setTimeout(() => finish(() => reject(exceeded(what))), Math.max(0, deadline - Date.now()));
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      settle();
    };
    signal?.addEventListener('abort', cancel, { once: true });
    work.then(
      (value) => finish(() => resolve(value)),
      (error: unknown) => finish(() => reject(error)),
    );
  });
}

/** Refuses to start work for a caller who is not waiting any more. */
export function assertStillWanted(what: string, call: CallOptions): void {
  if (call.signal?.aborted === true) throw cancelled(what);
  if (call.deadline !== undefined && call.deadline <= Date.now()) throw exceeded(what);
}

function exceeded(what: string): ServingError {
  return new ServingError('DEADLINE_EXCEEDED', `The caller's deadline passed while ${what}.`, {
    hint: 'Give the call more time, or look at the latency of the store.',
  });
}

function cancelled(what: string): ServingError {
  return new ServingError('REQUEST_CANCELLED', `The caller went away while ${what}.`);
}
