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
  /** Aborted at the same time, for what can be given up: a start that still waits for something. */
  readonly signal: AbortSignal;
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
  const controller = new AbortController();
  const { signal } = controller;
  let settle = (_: StopReason): void => {};
  const stopped = new Promise<StopReason>((resolve) => {
    settle = resolve;
  });
  const stop = (reason: StopReason): void => {
    settle(reason);
    controller.abort(new Error('the process is stopping'));
  };
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (signal.aborted) onSecondSignal(name);
      else stop({ signal: name });
    });
  }
  process.on('unhandledRejection', (err) => log.error({ err }, 'a promise failed and nobody waited for it'));
  process.on('uncaughtException', (err) => {
    log.fatal({ err }, 'an exception was not caught: stopping');
    stop({ exception: err });
  });
  return { stopped, signal, isStopping: () => signal.aborted, stop };
}

/** A start that was given up because the process is to stop: nothing was served, and nothing is wrong but an exception. */
export async function endUnstarted(
  { stopped }: LifeCycle,
  log: Logger,
  exitWith: (code: number) => void,
): Promise<void> {
  const reason = await stopped;
  if ('signal' in reason) log.info({ signal: reason.signal }, 'stopped before anything was served');
  else exitWith(exitCodes.failure.code);
}
