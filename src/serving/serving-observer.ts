import type { JudgedBlock } from './judge.ts';
import type { Plan } from './plan.ts';

/** Told what happens to requests, to measure it. Must not throw, and keeps nothing of what it is shown. */
export interface ServingObserver {
  /**
   * The store has been read, or could not be.
   * @param milliseconds that it took
   * @param error the failure; `undefined` for a read that succeeded
   */
  storeRead(milliseconds: number, error: unknown): void;
  /**
   * A request is about to be answered.
   * @param judged one block per table of the plan
   * @param rows of the request
   * @param now milliseconds since the Unix epoch
   */
  answered(plan: Plan, judged: readonly JudgedBlock[], rows: number, now: number): void;
}
