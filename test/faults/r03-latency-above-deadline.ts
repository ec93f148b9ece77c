import { setTimeout as sleep } from 'node:timers/promises';
import { FigureSheet } from './harness/figures.ts';
import { blindSweep } from './harness/mutations.ts';
import { lasting } from './harness/pace.ts';
import type { FaultRow } from './harness/row.ts';
import { judgeInvariants, judgeOutage } from './load/load-figures.ts';
import { monotonicMs } from './load/load-spec.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

const LATENCY_MS = 500;

export const latencyAboveDeadline: FaultRow = {
  id: 'R3',
  title: 'a store slower than the deadline',
  injected: `Redis answers ${LATENCY_MS} ms later than asked, with a deadline of 100 ms`,
  mutations: [blindSweep],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const { proxy, product, load: start } = await createRedisScene(context, form);
    const deadlineMs = form === 'long' ? 100 : 200;
    const load = await start({ deadlineMs });
    await load.untilOk(20);
    proxy.set({ kind: 'latency', ms: LATENCY_MS });
    await load.untilEnded(10);
    await load.phase('slow');
    await lasting(load, form, { longMs: 20_000, shortCalls: 150 });
    await load.phase('at the end');
    await sleep(2 * deadlineMs);
    proxy.clear();
    const cleared = monotonicMs();
    await load.untilOk(20);
    await lasting(load, form, { longMs: 10_000, shortCalls: 250 });
    const result = await load.stop();
    judgeInvariants(sheet, result);
    judgeOutage(sheet, result, { phase: 'slow', deadlineMs, clearedMs: cleared });
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};
