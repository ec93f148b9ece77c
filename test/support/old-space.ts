import { getHeapSpaceStatistics } from 'node:v8';
import { heapAfterGc } from './heap-after-gc.ts';

/** Calls that are made in all, how many of them before anything is measured, and how many in a turn of the event loop. */
const CALLS = 100_000;
const WARM_UP = 1_000;
const PER_TURN = 20;
/** What other tests left behind may move to the old space meanwhile, once: a second look does not see it. */
const LOOKS = 3;
/** What is not worth a second look, in bytes. */
const LITTLE = 1_000_000;

/**
 * Makes calls one after the other and sees how many bytes of them V8 moves to its old space meanwhile: next to none where everything
 * that has ended can be collected with young objects.
 *
 * @param call makes the call of that number, which is to hold the load; it ends whenever the caller likes
 * @returns the most that the old space has grown by, in bytes, when it grew least
 */
export async function oldSpaceGrowth(call: (load: number[], n: number) => Promise<void> | void): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < LOOKS && least > LITTLE; look++) least = Math.min(least, await growth(call));
  return least;
}

async function growth(call: (load: number[], n: number) => Promise<void> | void): Promise<number> {
  let most = 0;
  let before = Number.POSITIVE_INFINITY;
  for (let n = 0; n < CALLS; n++) {
    await call(new Array<number>(64).fill(n), n);
    // What waits for the end of a turn would grow old in one that does not end.
    if (n % PER_TURN === 0) await new Promise(setImmediate);
    if (n === WARM_UP) {
      heapAfterGc();
      before = oldSpaceUsed();
    }
    if (n > WARM_UP && n % WARM_UP === 0) most = Math.max(most, oldSpaceUsed() - before);
  }
  return most;
}

function oldSpaceUsed(): number {
  return getHeapSpaceStatistics().find((space) => space.space_name === 'old_space')?.space_used_size ?? 0;
}
