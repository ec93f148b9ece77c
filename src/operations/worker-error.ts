import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../errors.ts';

/** What can go wrong with workers. */
export const workerErrors = {
  WORKER_NOT_READY: { kind: 'internal', summary: 'A worker of `serve --workers` ended before it could serve.' },
  NO_WORKER_LEFT: {
    kind: 'internal',
    summary: 'No worker of `serve --workers` serves any more, and attempts to start one have failed.',
  },
} as const satisfies ErrorCatalogue;

export type WorkerErrorCode = keyof typeof workerErrors;

export class WorkerError extends SideboardError {
  declare readonly code: WorkerErrorCode;
  /** What the worker exited with, having said why; `undefined` where a signal or a crash ended it. */
  readonly exitCode: number | undefined;

  constructor(
    code: WorkerErrorCode,
    message: string,
    exitCode: number | undefined,
    options: SideboardErrorOptions = {},
  ) {
    super(code, workerErrors[code].kind, message, options);
    this.exitCode = exitCode;
  }
}
