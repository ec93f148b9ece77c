import { constants } from 'node:os';

/** As much of a process as signals need. */
export type SignalledProcess = Pick<NodeJS.Process, 'pid' | 'on' | 'listenerCount' | 'exit'>;

/**
 * Lets signals end the first process of a container, as they end any other. The kernel keeps signals that nobody handles from the first process:
 * one that comes while a command loads, or that a command does not handle at all, would be lost, and the container ends only when it is
 * killed. Whoever handles a signal handles it alone.
 */
export function endBySignals(process: SignalledProcess): void {
  if (process.pid !== 1) return;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
    });
  }
}
