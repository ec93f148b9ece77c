import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { FigureSheet } from './harness/figures.ts';
import { cancelledCallsRun } from './harness/mutations.ts';
import { lasting } from './harness/pace.ts';
import type { FaultRow } from './harness/row.ts';
import { codesText, failedOf, judgeInvariants, okPercent, phaseOf } from './load/load-figures.ts';
import { monotonicMs } from './load/load-spec.ts';
import { type ProcessSample, sampleProcess, startSampler } from './product/process-samples.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

const STOPPED_MS = 5_000;
const RECOVERY_MS = 2_000;

export const stoppedProcesses: FaultRow = {
  id: 'R9',
  title: 'a store, and a sidecar, that stand still',
  injected: `SIGSTOP of Redis for ${STOPPED_MS / 1000} s, then SIGSTOP of Sideboard for ${STOPPED_MS / 1000} s, under load`,
  mutations: [cancelledCallsRun],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const { redis, proxy, product, load: start, ring } = await createRedisScene(context, form);
    const stoppedMs = form === 'long' ? STOPPED_MS : 3_000;
    const deadlineMs = form === 'long' ? 100 : 300;
    const entities = ring[0]?.entities.length ?? 1;
    // As clients of gRPC do, calls are cancelled behind their deadline.
    const load = await start({ deadlineMs, giveUpMs: deadlineMs + (form === 'long' ? 100 : 1_000) });
    await load.untilOk(50);
    await lasting(load, form, { longMs: 5_000, shortCalls: 50 });
    // Of the product's sockets those that lead to Redis: half-closed links of the proxy say nothing of them.
    const usualLinks = proxy.open;
    const otherSockets = sampleProcess(product.pid).sockets - usualLinks;
    const storeSampler = startSampler(product.pid, 50, context.cleanUp);
    await load.phase('store');
    redis.pause();
    await sleep(stoppedMs);
    redis.resume();
    const storeBack = monotonicMs();
    await load.phase('store back');
    await load.untilOk(50);
    await lasting(load, form, { longMs: 10_000, shortCalls: 250 });
    const storeJudged = monotonicMs();
    const peakOfStore = peakSockets(storeSampler.stop()) - otherSockets;

    const sidecarSampler = startSampler(product.pid, 50, context.cleanUp);
    await load.phase('sidecar');
    // What came before is judged with the store's recovery, and must not be caught by the next fault.
    await load.untilEarlierEnded();
    const readsBefore = await readsOf(redis.client);
    const before = await load.counts();
    product.signal('SIGSTOP');
    await sleep(stoppedMs);
    const sentMeanwhile = (await load.counts()).sent - before.sent;
    await load.phase('sidecar back');
    product.signal('SIGCONT');
    const sidecarBack = monotonicMs();
    await load.untilOk(50);
    const readsMeanwhile = ((await readsOf(redis.client)) - readsBefore) / entities;
    const okMeanwhile = (await load.counts()).ok - before.ok;
    await lasting(load, form, { longMs: 10_000, shortCalls: 250 });
    const result = await load.stop();
    const gaveUp = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED', 'NO_ANSWER']);
    judgeInvariants(sheet, result, gaveUp);
    const store = phaseOf(result, 'store');
    sheet.holds('Redis stopped: calls ended with', failedOf(store) > 0, 'failures', codesText(store));
    sheet.none('Redis stopped: calls that nobody answered', store.codes.NO_ANSWER ?? 0);
    sheet.atMost(
      'Redis stopped: longest wait for a failure above the deadline',
      store.failedLatency.max - deadlineMs,
      { long: 20, short: 400 },
      'ms',
    );
    sheet.atMost('connections to Redis, most at a time', peakOfStore / usualLinks, 2, 'times the usual');
    sheet.atLeast(
      `OK from ${RECOVERY_MS / 1000} s after Redis went on`,
      okPercent(result, storeBack + RECOVERY_MS, storeJudged),
      { long: 99.9, short: 95 },
      '%',
    );
    const { NO_ANSWER = 0 } = phaseOf(result, 'sidecar').codes;
    sheet.atLeast('Sideboard stopped: calls without an answer', NO_ANSWER, 1);
    sheet.tell('requests that came while it stood still', sentMeanwhile);
    // Those whose callers had gone by then; what came at the very end may be answered still.
    const stale = readsMeanwhile - okMeanwhile;
    sheet.atMost(
      'of them read from Redis though nobody waited',
      (100 * stale) / sentMeanwhile,
      { long: 20, short: 40 },
      '%',
    );
    sheet.atMost(
      'connections to Redis when it went on, most at a time',
      (peakSockets(sidecarSampler.stop()) - otherSockets) / usualLinks,
      2,
      'times the usual',
    );
    sheet.atLeast(
      `OK from ${RECOVERY_MS / 1000} s after Sideboard went on`,
      okPercent(result, sidecarBack + RECOVERY_MS),
      { long: 99.9, short: 95 },
      '%',
    );
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};

function peakSockets(samples: readonly ProcessSample[]): number {
  return Math.max(...samples.map(({ sockets }) => sockets));
}

/** HMGET commands that Redis has carried out. */
async function readsOf(client: Redis): Promise<number> {
  const text = await client.info('commandstats');
  return Number(/cmdstat_hmget:calls=(\d+)/.exec(text)?.[1] ?? 0);
}
