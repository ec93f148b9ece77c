import { type ChildProcess, fork } from 'node:child_process';

/** Tells a process that it is a worker, and which. */
const NUMBER = 'SIDEBOARD_WORKER';

/** Starts this program once more, as a worker of it: with the same command line, and `options` behind it. */
export function startWorkerProcess(number: number, options: readonly string[]): ChildProcess {
  const [, program = '', ...args] = process.argv;
  return fork(program, [...args, ...options], {
    env: { ...process.env, [NUMBER]: String(number) },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** Number of the worker that this process is; `undefined` where it is none. Only the first call says so. */
export function workerNumber(process: NodeJS.Process): number | undefined {
  const number = process.env[NUMBER];
  // What this process starts is not a worker.
  delete process.env[NUMBER];
  return number === undefined ? undefined : Number(number);
}
