import { setImmediate as nextTurn } from 'node:timers/promises';

/** Work in steps of a few milliseconds at most, each `yield` between two. */
export type Steps<T> = Generator<void, T>;

/** For so long steps follow each other before the event loop turns, in milliseconds. */
const sliceMs = 5;

/** Does the work at once. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/**
 * Does the work and lets the event loop turn every few milliseconds, so that requests are answered meanwhile.
 * @throws what the steps throw; the signal's reason.
 */
export async function inTurns<T>(steps: Steps<T>, signal?: AbortSignal): Promise<T> {
  let began = performance.now();
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (performance.now() - began < sliceMs) continue;
    await nextTurn();
    signal?.throwIfAborted();
    began = performance.now();
  }
}
