import { FigureSheet } from './harness/figures.ts';
import { noSecondRead } from './harness/mutations.ts';
import { lasting } from './harness/pace.ts';
import type { FaultRow } from './harness/row.ts';
import { codesText, failedOf, judgeInvariants, okPercent, phaseOf } from './load/load-figures.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';
import type { Toxic } from './proxy/toxic.ts';

/**
 * How often all links are cut, so that new ones are made of which a tenth is spoilt. Each cut costs as many repeats as calls are under way, and
 * a tenth of all calls may be repeated: cut more often, a busy machine would use that up, and the row would judge how busy it is.
 */
const CUT_EVERY_MS = { long: 3_000, short: 800 };
/** So that calls are under way whenever links are cut. */
const SLOW = { kind: 'latency', ms: 20 } as const satisfies Toxic;

export const resets: FaultRow = {
  id: 'R5',
  title: 'connections that are reset',
  injected: `every connection to Redis ends with RST under its first bytes; then one in ten, while all are cut every ${CUT_EVERY_MS.long / 1000} s and answer ${SLOW.ms} ms later`,
  mutations: [noSecondRead],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const { proxy, product, load: start } = await createRedisScene(context, form);
    const load = await start();
    await load.untilOk(20);
    await load.phase('all');
    proxy.set({ kind: 'reset' });
    await lasting(load, form, { longMs: 10_000, shortCalls: 100 });
    await load.phase('between');
    proxy.clear();
    await load.untilOk(50);
    await load.phase('some');
    const before = await product.metrics();
    proxy.set(SLOW, { kind: 'reset', share: 0.1 });
    const cutting = setInterval(() => proxy.resetAll(), CUT_EVERY_MS[form]);
    context.cleanUp(() => clearInterval(cutting));
    await lasting(load, form, { longMs: 30_000, shortCalls: 1_000 });
    clearInterval(cutting);
    const after = await product.metrics();
    await load.phase('after');
    proxy.clear();
    await load.untilOk(50);
    await lasting(load, form, { longMs: 10_000, shortCalls: 250 });
    const result = await load.stop();
    const some = phaseOf(result, 'some');
    judgeInvariants(sheet, result);
    const all = phaseOf(result, 'all');
    sheet.holds('with all connections reset, calls ended with', failedOf(all) > 0, 'failures', codesText(all));
    sheet.atLeast('OK with one in ten reset', (100 * some.ok) / Math.max(1, some.sent), { long: 99, short: 97 }, '%');
    sheet.tell('those that failed ended with', codesText(some));
    const retries = (result: 'granted' | 'denied') =>
      after.sum('sideboard_store_retries_total', { result }) - before.sum('sideboard_store_retries_total', { result });
    const repeated = (100 * retries('granted')) / Math.max(1, some.sent);
    sheet.atMost('calls of the store that were repeated', repeated, 10, '% of requests');
    sheet.tell('repeats that the allowance refused', retries('denied'));
    sheet.atLeast('connections to Redis that were made', proxy.made, 10);
    sheet.atLeast(
      'OK behind it',
      okPercent(result, phaseOf(result, 'after').beganMs + 2_000),
      { long: 99.9, short: 95 },
      '%',
    );
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};
