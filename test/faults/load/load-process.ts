/** The load generator's process: one load, steered by its parent. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LoadRun } from './load-run.ts';
import type { LoadCounts, LoadPace, LoadResult, LoadSpec } from './load-spec.ts';

export type LoadOrder =
  | { readonly kind: 'start'; readonly spec: LoadSpec }
  | { readonly kind: 'phase'; readonly name: string }
  | { readonly kind: 'pace'; readonly pace: LoadPace }
  | { readonly kind: 'counts' }
  | { readonly kind: 'stop' };

/** What answers an order: one message each, in order. */
export type LoadReply =
  | { readonly kind: 'done' }
  | { readonly kind: 'counts'; readonly counts: LoadCounts }
  | { readonly kind: 'result'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly reason: string };

let run: LoadRun | undefined;
let obeyed: Promise<unknown> = Promise.resolve();

async function obey(order: LoadOrder): Promise<LoadReply> {
  if (order.kind === 'start') {
    run = new LoadRun(order.spec);
    await run.start();
    return { kind: 'done' };
  }
  if (run === undefined) throw new Error('the load has not been started');
  if (order.kind === 'phase') {
    run.beginPhase(order.name);
    // node:http2 writes calls at the end of a turn: those of the phase before have left when this is answered.
    await nextTurn();
  } else if (order.kind === 'pace') run.setPace(order.pace);
  else if (order.kind === 'counts') return { kind: 'counts', counts: run.counts };
  else return { kind: 'result', result: await run.stop() };
  return { kind: 'done' };
}

process.on('message', (order: LoadOrder) => {
  obeyed = obeyed.then(async () => {
    const reply = await obey(order).catch(
      (error: unknown): LoadReply => ({
        kind: 'failed',
        reason: error instanceof Error ? error.message : String(error),
      }),
    );
    process.send?.(reply);
  });
});
process.on('disconnect', () => process.exit());
