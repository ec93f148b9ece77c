import { getHeapSpaceStatistics } from 'node:v8';
import { heapAfterGc } from './heap-after-gc.ts';

/** Calls that are made in all, and how many of them at the beginning, before anything is measured. */
const CALLS = 100_000;
const WARM_UP = 1_000;

/**
 * Makes calls one after the other and sees how many bytes of them V8 moves to its old space meanwhile: next to none where everything
 * that has ended can be collected with young objects.
 *
 * @param call makes the call of that number, which is to hold the load; it ends whenever the caller likes
 * @returns the most that the old space has grown by, in bytes
 */
export async function oldSpaceGrowth(call: (load: number[], n: number) => Promise<void> | void): Promise<number> {
  let most = 0;
  let before = Number.POSITIVE_INFINITY;
  for (let n = 0; n < CALLS; n++) {
    await call(new Array<number>(64).fill(n), n);
    if (n === WARM_UP) {
      heapAfterGc();
      before = oldSpaceUsed();
    }
    if (n % WARM_UP > 0) continue;
    // What waits for the end of a turn is not to heap up either.
    await new Promise(setImmediate);
    if (n > WARM_UP) most = Math.max(most, oldSpaceUsed() - before);
  }
  return most;
}

function oldSpaceUsed(): number {
  return getHeapSpaceStatistics().find((space) => space.space_name === 'old_space')?.space_used_size ?? 0;
}
