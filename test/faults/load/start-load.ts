import { fork } from 'node:child_process';
import { once } from 'node:events';
import { nodeEntry } from '../../../bench/node-entry.ts';
import { until } from '../../support/until.ts';
import type { LoadOrder, LoadReply } from './load-process.ts';
import type { LoadCounts, LoadPace, LoadResult, LoadSpec } from './load-spec.ts';

/** A load that runs in a process of its own until it is stopped. */
export interface Load {
  readonly pid: number;
  /** Calls sent from now on are counted under this name. */
  phase(name: string): Promise<void>;
  setPace(pace: LoadPace): Promise<void>;
  /** Sends nothing until it is given another pace, and waits until no call is under way. */
  rest(): Promise<void>;
  counts(): Promise<LoadCounts>;
  /** Waits until so many calls in a row, counted from now, were OK. @throws Error where that takes longer */
  untilOk(inARow: number, withinMs?: number): Promise<void>;
  /** As {@link untilOk}. @returns false where that takes longer */
  recovers(inARow: number, withinMs: number): Promise<boolean>;
  /** Waits until so many more calls have ended, in whatever way. */
  untilEnded(calls: number, withinMs?: number): Promise<void>;
  /** Waits until all calls of the phases before the present one have ended. @throws Error where that takes longer */
  untilEarlierEnded(withinMs?: number): Promise<void>;
  /** Stops sending, waits for what is under way, and ends the process. The same result for whoever asks again. */
  stop(): Promise<LoadResult>;
}

/** Starts a load; `cleanUp` gets what ends it. @throws Error where the server cannot be reached */
export async function startLoad(spec: LoadSpec, cleanUp: (end: () => unknown) => void): Promise<Load> {
  const entry = nodeEntry(new URL('./load-process.ts', import.meta.url));
  const child = fork(entry.file, { execArgv: [...entry.execArgv], serialization: 'advanced' });
  const exited = once(child, 'exit');
  cleanUp(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const waiting: { resolve(reply: LoadReply): void; reject(error: Error): void }[] = [];
  child.on('message', (reply: LoadReply) => waiting.shift()?.resolve(reply));
  child.on('exit', (status) => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`the load's process ended with status ${status}`));
  });
  const ask = async (order: LoadOrder): Promise<LoadReply> => {
    if (!child.connected) throw new Error("the load's process has ended");
    const reply = await new Promise<LoadReply>((resolve, reject) => {
      waiting.push({ resolve, reject });
      child.send(order);
    });
    if (reply.kind === 'failed') throw new Error(`the load failed: ${reply.reason}`);
    return reply;
  };
  const counts = async (): Promise<LoadCounts> => {
    const reply = await ask({ kind: 'counts' });
    if (reply.kind !== 'counts') throw new Error(`unexpected reply ${reply.kind}`);
    return reply.counts;
  };
  const untilOk = async (inARow: number, withinMs = 60_000): Promise<void> => {
    const before = await counts();
    let last = before;
    await until(
      async () => {
        last = await counts();
        return last.ok - before.ok >= inARow && last.okInARow >= inARow ? true : undefined;
      },
      () => `${inARow} calls OK in a row: ${JSON.stringify(last)}`,
      withinMs,
    );
  };
  const setPace = async (pace: LoadPace): Promise<void> => {
    await ask({ kind: 'pace', pace });
  };
  await ask({ kind: 'start', spec });
  let result: Promise<LoadResult> | undefined;
  return {
    pid: child.pid ?? 0,
    async phase(name) {
      await ask({ kind: 'phase', name });
    },
    setPace,
    async rest() {
      await setPace({ kind: 'closed', concurrency: 0 });
      let last = await counts();
      await until(
        async () => {
          last = await counts();
          return last.sent === last.ok + last.failed ? true : undefined;
        },
        () => `no call under way: ${JSON.stringify(last)}`,
      );
    },
    counts,
    untilOk,
    recovers: (inARow, withinMs) =>
      untilOk(inARow, withinMs).then(
        () => true,
        () => false,
      ),
    async untilEnded(calls, withinMs = 60_000) {
      const before = await counts();
      const goal = before.ok + before.failed + calls;
      let last = before;
      await until(
        async () => {
          last = await counts();
          return last.ok + last.failed >= goal ? true : undefined;
        },
        () => `${calls} calls ended: ${JSON.stringify(last)}`,
        withinMs,
      );
    },
    async untilEarlierEnded(withinMs = 60_000) {
      let last = await counts();
      await until(
        async () => {
          last = await counts();
          return last.earlier === 0 ? true : undefined;
        },
        () => `the calls of earlier phases have ended: ${JSON.stringify(last)}`,
        withinMs,
      );
    },
    stop() {
      result ??= (async () => {
        const reply = await ask({ kind: 'stop' });
        if (reply.kind !== 'result') throw new Error(`unexpected reply ${reply.kind}`);
        child.disconnect();
        await exited;
        return reply.result;
      })();
      return result;
    },
  };
}
