import type { Logger } from '../operations/logger.ts';
import { exitCodes } from './exit-codes.ts';

export type StopSignal = 'SIGTERM' | 'SIGINT';

export type StopReason =
  | { readonly signal: StopSignal }
  | { readonly exception: unknown }
  /** A worker whose supervising process is gone. */
  | { readonly orphaned: true };

export interface LifeCycle {
  /** Settles when the process is asked to stop, or must. */
  readonly stopped: Promise<StopReason>;
  /** Whether it was asked already. */
  isStopping(): boolean;
  /** Asks it to stop, for another reason than those that are watched for. */
  stop(reason: StopReason): void;
}

/** For a second signal: ends the process at once. */
export function endAtOnce(log: Logger, before?: () => void): (signal: StopSignal) => void {
  return (signal) => {
    log.warn({ signal }, 'second signal: ending at once');
    before?.();
    process.exit(exitCodes[signal === 'SIGINT' ? 'interrupted' : 'terminated'].code);
  };
}

/**
 * Watches for what ends a server.
 *
 * The first SIGTERM or SIGINT asks it to stop; a second one is for `onSecondSignal`. A promise that nobody waited for and
 * that failed is logged, and serving goes on: no state hangs on it. An exception that nobody caught leaves the state of the
 * process unknown: it is logged, calls under way may finish, and the process ends with a failure.
 */
export function watchLifeCycle(log: Logger, onSecondSignal: (signal: StopSignal) => void): LifeCycle {
  let stopping = false;
  let settle = (_: StopReason): void => {};
  const stopped = new Promise<StopReason>((resolve) => {
    settle = resolve;
  });
  const stop = (reason: StopReason): void => {
    stopping = true;
    settle(reason);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) onSecondSignal(signal);
      else stop({ signal });
    });
  }
  process.on('unhandledRejection', (err) => log.error({ err }, 'a promise failed and nobody waited for it'));
  process.on('uncaughtException', (err) => {
    log.fatal({ err }, 'an exception was not caught: stopping');
    stop({ exception: err });
  });
  return { stopped, isStopping: () => stopping, stop };
}
