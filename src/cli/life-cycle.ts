import type { Logger } from '../operations/logger.ts';
import { exitCodes } from './exit-codes.ts';

export type StopReason = { readonly signal: 'SIGTERM' | 'SIGINT' } | { readonly exception: unknown };

export interface LifeCycle {
  /** Settles when the process is asked to stop, or must. */
  readonly stopped: Promise<StopReason>;
  /** Whether it was asked already. */
  isStopping(): boolean;
}

/**
 * Watches for what ends a server.
 *
 * The first SIGTERM or SIGINT asks it to stop; a second one ends the process at once. A promise that nobody waited for and
 * that failed is logged, and serving goes on: no state hangs on it. An exception that nobody caught leaves the state of the
 * process unknown: it is logged, calls under way may finish, and the process ends with a failure.
 */
export function watchLifeCycle(log: Logger): LifeCycle {
  let stopping = false;
  const stopped = new Promise<StopReason>((resolve) => {
    const stop = (reason: StopReason): void => {
      stopping = true;
      resolve(reason);
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (stopping) {
          log.warn({ signal }, 'second signal: ending at once');
          process.exit(exitCodes[signal === 'SIGINT' ? 'interrupted' : 'terminated'].code);
        }
        stop({ signal });
      });
    }
    process.on('unhandledRejection', (err) => log.error({ err }, 'a promise failed and nobody waited for it'));
    process.on('uncaughtException', (err) => {
      log.fatal({ err }, 'an exception was not caught: stopping');
      stop({ exception: err });
    });
  });
  return { stopped, isStopping: () => stopping };
}
