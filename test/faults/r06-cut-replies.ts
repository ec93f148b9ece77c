import { setTimeout as sleep } from 'node:timers/promises';
import { markedRing } from './data/marked-requests.ts';
import { FigureSheet } from './harness/figures.ts';
import { truncatedValue } from './harness/mutations.ts';
import { lasting } from './harness/pace.ts';
import type { FaultRow } from './harness/row.ts';
import { codesText, judgeInvariants, phaseOf } from './load/load-figures.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

/** A reply to a request for three entities is about this long. */
const REPLY_BYTES = 2_500;
/** A way that lets 40 bytes pass in a millisecond, and timers that may be late, carry about 14 such replies a second. */
const PIECES_PER_SECOND = 8;

export const cutReplies: FaultRow = {
  id: 'R6',
  title: 'replies in pieces, and replies that end in their middle',
  injected: 'replies of Redis come byte by byte; then connections are closed after a random number of bytes',
  mutations: [truncatedValue],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const { proxy, product, load: start } = await createRedisScene(context, form);
    const ring = markedRing({ random: context.random, population: 1_000, entities: 3 });
    const perSecond = form === 'long' ? 40 : 20;
    const load = await start({ ring, pace: { kind: 'open', perSecond }, deadlineMs: 5_000 });
    await load.untilOk(10);
    await load.phase('bytes');
    proxy.set({ kind: 'slicer', bytes: 1 });
    await lasting(load, form, { longMs: 15_000, shortCalls: 60 });
    await load.phase('pieces');
    await load.setPace({ kind: 'open', perSecond: PIECES_PER_SECOND });
    proxy.set({ kind: 'slicer', bytes: 40, jitter: 39, delayMs: 1 });
    await lasting(load, form, { longMs: 15_000, shortCalls: 20 });
    await load.phase('cut');
    await load.setPace({ kind: 'open', perSecond: form === 'long' ? 200 : 50 });
    const cuts = form === 'long' ? 150 : 25;
    for (let cut = 0; cut < cuts; cut++) {
      proxy.set({ kind: 'limit', bytes: 1 + context.random(3 * REPLY_BYTES) });
      await sleep(100);
    }
    proxy.clear();
    await load.phase('after');
    await load.untilOk(20);
    const result = await load.stop();
    judgeInvariants(sheet, result);
    for (const name of ['bytes', 'pieces']) {
      const { sent, ok } = phaseOf(result, name);
      sheet.atLeast(`OK while replies came in ${name}`, (100 * ok) / Math.max(1, sent), { long: 99.9, short: 95 }, '%');
    }
    // Each reply came in some sixty pieces, a millisecond one behind the other.
    sheet.atLeast('p50 while replies came in pieces', phaseOf(result, 'pieces').okLatency.p50, 20, 'ms');
    const cut = phaseOf(result, 'cut');
    sheet.tell('while replies were cut, calls ended with', `${cut.ok} OK, ${codesText(cut)}`);
    sheet.atLeast('connections that were made anew', proxy.made, 10);
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};
