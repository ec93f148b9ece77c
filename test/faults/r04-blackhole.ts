import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/until.ts';
import { FigureSheet } from './harness/figures.ts';
import { blindSweep, noBreaker } from './harness/mutations.ts';
import { lasting } from './harness/pace.ts';
import type { FaultRow } from './harness/row.ts';
import { judgeInvariants, judgeOutage } from './load/load-figures.ts';
import { monotonicMs } from './load/load-spec.ts';
import { sampleProcess } from './product/process-samples.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

/** What `sideboard_store_breaker_state` says of a breaker. */
const CLOSED = 0;
const OPEN = 2;

export const blackhole: FaultRow = {
  id: 'R4',
  title: 'a store that swallows everything',
  injected: 'for 30 s Redis takes connections and commands and answers none',
  mutations: [blindSweep, noBreaker],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const { proxy, product, load: start } = await createRedisScene(context, form);
    const deadlineMs = form === 'long' ? 100 : 200;
    const load = await start({ deadlineMs });
    await load.untilOk(20);
    await lasting(load, form, { longMs: 10_000, shortCalls: 100 });
    const breaker = async (): Promise<number> => (await product.metrics()).value('sideboard_store_breaker_state');
    // Also the first look at the metrics, for which this process has to load its HTTP client: beside calls that are timed it would disturb.
    const atFirst = await breaker();
    const before = sampleProcess(product.pid);
    const swallowed = monotonicMs();
    proxy.set({ kind: 'timeout', ms: 0, toward: 'both' });
    const opened = until(
      async () => ((await breaker()) === OPEN ? monotonicMs() : undefined),
      () => 'the breaker opens',
      10_000,
    ).catch(() => Number.POSITIVE_INFINITY);
    await load.phase('swallowed');
    const openedAt = await opened;
    await sleep(form === 'long' ? 30_000 - (monotonicMs() - swallowed) : 1_000);
    const during = sampleProcess(product.pid);
    await load.phase('at the end');
    await sleep(2 * deadlineMs);
    proxy.clear();
    const cleared = monotonicMs();
    await load.untilOk(20);
    await lasting(load, form, { longMs: 10_000, shortCalls: 250 });
    const result = await load.stop();
    judgeInvariants(sheet, result);
    judgeOutage(sheet, result, { phase: 'swallowed', deadlineMs, clearedMs: cleared });
    sheet.holds('the breaker before', atFirst === CLOSED, `${CLOSED}, closed`, `${atFirst}`);
    sheet.atMost('the breaker was open after', (openedAt - swallowed) / 1000, { long: 1, short: 5 }, 's');
    sheet.atMost('more memory than before', during.rssMb - before.rssMb, { long: 20, short: 60 }, 'MB');
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};
