import { setTimeout as sleep } from 'node:timers/promises';
import type { CallOptions } from './online-store.ts';

/** Longest pause before a call is repeated, in milliseconds; how long it is, is left to chance. */
const LONGEST_PAUSE_MS = 10;
/** What has to be left of the caller's time behind the pause, in milliseconds. */
const MIN_ATTEMPT_MS = 5;
/** How many repeats can be saved up while nothing fails. */
const MOST_SAVED = 100;

/** Says whether a call may be repeated whose connection broke before it was answered. */
export interface Retries {
  /**
   * To be asked once for each call that failed, and by stores whose call may be done twice. Waits a moment where it says yes, so that what
   * failed together does not come again together.
   * @returns false where the allowance is used up, the caller has left, or too little of its time is left
   */
  granted(call: CallOptions | undefined): Promise<boolean>;
}

/** For tools, which do one thing at a time. */
export const unlimitedRetries: Retries = Object.freeze({ granted: () => Promise.resolve(true) });

export interface RetryCounters {
  readonly granted: number;
  readonly denied: number;
}

/**
 * Repeats are bounded by a share of all calls, so that they cannot double what a store in trouble is asked for. Every call earns its share;
 * every repeat costs one.
 */
export class RetryAllowance implements Retries {
  readonly #share: number;
  readonly #random: () => number;
  #saved: number;
  #granted = 0;
  #denied = 0;

  /** @param percent of all calls that may be repeated; 0 for none */
  constructor(percent: number, random: () => number = Math.random) {
    this.#share = percent / 100;
    this.#random = random;
    this.#saved = percent > 0 ? 1 : 0;
  }

  counters(): RetryCounters {
    return { granted: this.#granted, denied: this.#denied };
  }

  /** A call was made. */
  earn(): void {
    if (this.#saved < MOST_SAVED) this.#saved += this.#share;
  }

  async granted(call: CallOptions | undefined): Promise<boolean> {
    const pauseMs = this.#random() * LONGEST_PAUSE_MS;
    if (this.#saved < 1 || !hasTime(call, pauseMs + MIN_ATTEMPT_MS)) {
      this.#denied++;
      return false;
    }
    this.#saved--;
    this.#granted++;
    await sleep(pauseMs);
    return hasTime(call, 0);
  }
}

function hasTime(call: CallOptions | undefined, milliseconds: number): boolean {
  if (call === undefined) return true;
  if (call.cancelled ?? call.signal?.aborted === true) return false;
  return call.deadline === undefined || call.deadline - Date.now() > milliseconds;
}
