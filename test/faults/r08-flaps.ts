import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/until.ts';
import { FigureSheet } from './harness/figures.ts';
import { leakedDescriptors } from './harness/mutations.ts';
import { lasting } from './harness/pace.ts';
import type { FaultRow } from './harness/row.ts';
import { codesText, failedOf, judgeInvariants, phaseOf } from './load/load-figures.ts';
import { sampleProcess } from './product/process-samples.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

const FLAPS = 50;
const FLAP_MS = 1_000;

export const flaps: FaultRow = {
  id: 'R8',
  title: 'a store that comes and goes',
  injected: `the way to Redis is ${FLAPS} times up for ${FLAP_MS / 1000} s and down for ${FLAP_MS / 1000} s`,
  mutations: [leakedDescriptors],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const { proxy, product, load: start } = await createRedisScene(context, form);
    const load = await start();
    await load.untilOk(50);
    await lasting(load, form, { longMs: 5_000, shortCalls: 50 });
    const before = sampleProcess(product.pid);
    const linksBefore = proxy.open;
    await load.phase('flaps');
    const flaps = form === 'long' ? FLAPS : 12;
    for (let flap = 0; flap < flaps; flap++) {
      await proxy.down();
      await sleep(form === 'long' ? FLAP_MS : 150);
      await proxy.up();
      await sleep(form === 'long' ? FLAP_MS : 150);
    }
    await load.phase('after');
    await load.untilOk(50);
    // What is being closed is gone within moments; what leaks stays.
    let after = sampleProcess(product.pid);
    await until(
      () => {
        after = sampleProcess(product.pid);
        return after.fds <= before.fds ? true : undefined;
      },
      () => '',
      5_000,
    ).catch(() => {});
    const result = await load.stop();
    judgeInvariants(sheet, result);
    const phase = phaseOf(result, 'flaps');
    sheet.tell('in between, calls ended with', `${phase.ok} OK, ${codesText(phase)}`);
    sheet.atLeast('OK in between', phase.ok, { long: 1 });
    sheet.atLeast('failed in between', failedOf(phase), 1);
    sheet.atMost('more descriptors than before', after.fds - before.fds, 0);
    sheet.atMost('more connections to Redis than before', proxy.open - linksBefore, 0);
    sheet.none('warnings of too many listeners', product.output().match(/MaxListenersExceeded/g)?.length ?? 0);
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};
