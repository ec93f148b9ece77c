/** The process in which {@link oldSpaceGrowth} measures. */
import { pathToFileURL } from 'node:url';
import { getHeapSpaceStatistics } from 'node:v8';
import { heapAfterGc } from './heap-after-gc.ts';
import type { CallsWithLoad, CallWithLoad } from './old-space.ts';

export interface GrowthReport {
  /** Bytes. */
  readonly grown: number;
}

/** Calls that are made in all, how many of them before anything is measured, and how many in a turn of the event loop. */
const CALLS = 100_000;
const WARM_UP = 1_000;
const PER_TURN = 20;

async function growth(call: CallWithLoad): Promise<number> {
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

const { call, end }: CallsWithLoad = await import(pathToFileURL(process.argv[2] ?? '').href);
const report: GrowthReport = { grown: await growth(call) };
await end?.();
process.send?.(report);
process.disconnect();
