/** Time as refreshing needs it. */
export interface RegistryClock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Calls `run` once after `delayMs` and gives what cancels it. Must not keep the process alive. */
  startTimer(run: () => void, delayMs: number): () => void;
  /** A number from 0 up to, not including, 1: spreads the refreshes of many processes. */
  random(): number;
}

export const systemClock: RegistryClock = {
  now: () => Date.now(),
  startTimer: (run, delayMs) => {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
