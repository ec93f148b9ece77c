import type { ErrorKind } from '../../errors.ts';
import { StoreError } from '../../stores/store-error.ts';

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
/** Failures of a store that may be over the next time. */
const PASSING: ReadonlySet<ErrorKind> = new Set(['unavailable', 'deadline_exceeded', 'resource_exhausted']);

export interface RetryOptions {
  /** How long after the first failure the last attempt may begin, in milliseconds. */
  readonly giveUpAfterMs: number;
  /** Told of every failure that is followed by another attempt. */
  readonly onFailure: (error: StoreError) => void;
}

/**
 * Repeats work that fails because the store does not answer, with growing pauses.
 * @throws what the last attempt failed with
 */
export async function withRetries<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  let giveUpAt: number | undefined;
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(2 * delay, MAX_DELAY_MS)) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StoreError) || !PASSING.has(error.kind)) throw error;
      const now = Date.now();
      giveUpAt ??= now + options.giveUpAfterMs;
      if (now >= giveUpAt) throw error;
      options.onFailure(error);
      // Not all at the same moment, where several wait for the same store.
      const pause = delay * (0.5 + Math.random() / 2);
      await new Promise((resolve) => setTimeout(resolve, Math.min(pause, (giveUpAt ?? now) - now)));
    }
  }
}
