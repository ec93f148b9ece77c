import { fork } from 'node:child_process';
import { once } from 'node:events';
import { nodeEntry } from '../../bench/node-entry.ts';
import type { GrowthReport } from './old-space-process.ts';

/** Makes one call, which is to hold the load; it ends whenever it likes. Calls are made one after the other, numbered from 0. */
export type CallWithLoad = (load: number[], n: number) => Promise<void> | void;

/** What a module of calls exports. */
export interface CallsWithLoad {
  readonly call: CallWithLoad;
  /** Lets those that still wait end, and says whether all is as it was before; done behind the measurement. */
  readonly end?: () => Promise<void>;
}

/**
 * Makes many calls and sees how many bytes of them V8 moves to its old space meanwhile: next to none where everything that has ended can be
 * collected with young objects. They are made in a process of their own: what other tests did teaches V8 to put some objects there at once.
 *
 * @param calls a module of {@link CallsWithLoad}
 * @returns the most that the old space has grown by, in bytes
 * @throws Error where a call or the end failed: the process has said why on standard error
 */
export async function oldSpaceGrowth(calls: URL): Promise<number> {
  const entry = nodeEntry(new URL('./old-space-process.ts', import.meta.url));
  const child = fork(entry.file, [nodeEntry(calls).file], { execArgv: [...entry.execArgv] });
  const exited = once(child, 'exit');
  const failed = exited.then(([status]) =>
    Promise.reject(new Error(`it ended with status ${status} and without a figure`)),
  );
  const [report] = (await Promise.race([once(child, 'message'), failed])) as [GrowthReport];
  await exited;
  return report.grown;
}
