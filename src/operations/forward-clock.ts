/**
 * A clock for spans of time. The system's may be set: back, and whatever waits for a moment of it waits that much longer; and a count of
 * time that passed stands still while a machine sleeps. This one goes on by whichever of them has gone farther since the last look.
 * @returns milliseconds, never less than before
 */
export function createForwardClock(
  clock: () => number = Date.now,
  count: () => number = () => performance.now(),
): () => number {
  let lastClock = clock();
  let lastCount = count();
  let time = lastClock;
  return () => {
    const [nowClock, nowCount] = [clock(), count()];
    time += Math.max(0, nowClock - lastClock, nowCount - lastCount);
    lastClock = nowClock;
    lastCount = nowCount;
    return time;
  };
}
