import { setTimeout as sleep } from 'node:timers/promises';
import { assertTimeLeft } from '../call-limits.ts';
import type { CallOptions } from '../online-store.ts';
import { StoreError } from '../store-error.ts';

const FIRST_DELAY_MS = 25;
/** An attempt that would have less time than this before the caller stops waiting is not worth starting. */
const MIN_ATTEMPT_MS = 5;

export interface RetryOptions {
  readonly limitMs: number;
  readonly maxDelayMs: number;
}

/** How long one call may go on trying, and how long it waits in between. */
export class RetryBudget {
  readonly #until: number;
  readonly #maxDelayMs: number;
  readonly #call: CallOptions | undefined;

  constructor(options: RetryOptions, call: CallOptions | undefined) {
    this.#until = Math.min(Date.now() + options.limitMs, call?.deadline ?? Number.POSITIVE_INFINITY);
    this.#maxDelayMs = options.maxDelayMs;
    this.#call = call;
  }

  /**
   * Waits before the next attempt: doubled each time, and left to chance from half of that on, so that many callers do not come
   * back at once.
   * @param attempts how many attempts have failed in a row
   * @returns false, at once, where there is no time left for another attempt
   * @throws StoreError `STORE_TIMEOUT` when the caller went away
   */
  async pause(attempts: number, doing: string): Promise<boolean> {
    const longest = Math.min(this.#maxDelayMs, FIRST_DELAY_MS * 2 ** Math.min(attempts - 1, 20));
    const delay = longest * (0.5 + Math.random() / 2);
    if (Date.now() + delay + MIN_ATTEMPT_MS > this.#until) return false;
    const signal = this.#call?.signal;
    await sleep(delay, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      if (signal?.aborted !== true) throw error;
    });
    if (this.#call?.deadline === undefined || this.#call.deadline > Date.now()) assertTimeLeft(this.#call, doing);
    else return false;
    return true;
  }
}

/** What is thrown when DynamoDB still throttles at the end of the time there was. */
export function throttled(where: string, doing: string, cause?: unknown): StoreError {
  return new StoreError('STORE_UNAVAILABLE', `${where} throttled until there was no time left, ${doing}.`, {
    hint: "Look at the tables' capacity and at hot keys (ThrottledRequests in CloudWatch), or give callers a longer deadline.",
    ...(cause !== undefined && { cause }),
  });
}
