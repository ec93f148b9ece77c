import { setTimeout as sleep } from 'node:timers/promises';
import { FigureSheet } from './harness/figures.ts';
import { swappedRows } from './harness/mutations.ts';
import type { FaultRow } from './harness/row.ts';
import { failedOf, judgeInvariants, phaseOf } from './load/load-figures.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

const LATENCY_MS = 50;
const JITTER_MS = 20;

export const storeLatency: FaultRow = {
  id: 'R2',
  title: 'a slow store',
  injected: `Redis answers ${LATENCY_MS} ± ${JITTER_MS} ms later`,
  mutations: [swappedRows],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const { proxy, product, load: start } = await createRedisScene(context, form);
    const load = await start({ deadlineMs: 2_000 });
    await load.untilOk(20);
    proxy.set({ kind: 'latency', ms: LATENCY_MS, jitterMs: JITTER_MS });
    await load.untilEnded(20);
    await load.phase('slow');
    await (form === 'long' ? sleep(30_000) : load.untilEnded(300));
    const result = await load.stop();
    const slow = phaseOf(result, 'slow');
    judgeInvariants(sheet, result);
    sheet.none('calls that failed', failedOf(slow), slow.failureTexts);
    sheet.atMost('p99', slow.okLatency.p99, { long: LATENCY_MS + 30 }, 'ms');
    sheet.tell('p50', slow.okLatency.p50, 'ms');
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};
