import { setTimeout as sleep } from 'node:timers/promises';
import { FigureSheet } from './harness/figures.ts';
import { swappedRows } from './harness/mutations.ts';
import type { FaultRow } from './harness/row.ts';
import { failedOf, judgeInvariants, phaseOf } from './load/load-figures.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

const LATENCY_MS = 50;
const JITTER_MS = 20;
const LOOK_EVERY_MS = 250;
/** Twice what 500 calls a second are that take 80 ms each. */
const MOST_UNDER_WAY = 80;

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
    // Loads this process's HTTP client, which would disturb what is timed below.
    await product.metrics();
    await load.phase('slow');
    const underWay: number[] = [];
    const looking = setInterval(async () => {
      const metrics = await product.metrics().catch(() => undefined);
      if (metrics !== undefined) underWay.push(metrics.value('sideboard_calls_in_flight'));
    }, LOOK_EVERY_MS);
    context.cleanUp(() => clearInterval(looking));
    await (form === 'long' ? sleep(30_000) : load.untilEnded(300));
    clearInterval(looking);
    const result = await load.stop();
    const slow = phaseOf(result, 'slow');
    judgeInvariants(sheet, result);
    sheet.none('calls that failed', failedOf(slow), slow.failureTexts);
    sheet.atMost('p99', slow.okLatency.p99, { long: LATENCY_MS + 30 }, 'ms');
    // It cannot be less where the fault is there.
    sheet.atLeast('p50', slow.okLatency.p50, LATENCY_MS - JITTER_MS, 'ms');
    sheet.atLeast('looks at the calls under way', underWay.length, 1);
    sheet.atMost('most calls under way', Math.max(0, ...underWay), { long: MOST_UNDER_WAY }, 'calls');
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};
