import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../support/seeded-random.ts';
import { FigureSheet } from './harness/figures.ts';
import { leakedAnswers } from './harness/mutations.ts';
import { lasting } from './harness/pace.ts';
import type { FaultRow } from './harness/row.ts';
import { codesText, failedOf, judgeInvariants, okPercent, phaseOf } from './load/load-figures.ts';
import { monotonicMs } from './load/load-spec.ts';
import { rssSlopePerHour, startSampler } from './product/process-samples.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene, type RedisScene } from './product/redis-scene.ts';

/** How long the short form runs, all in all. */
const SHORT_MS = 6_000;
/** Memory settles before its growth is looked at. */
const SETTLING_MINUTES = 20;
const ASKED_MINUTES = 120;

/**
 * Connections reach their age here, again and again. The load does not wait for the next one, and does not make a call again that the
 * server has not looked at, as clients of gRPC do by themselves.
 */
const ENDINGS = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED', 'NOT_CONNECTED', 'NOT_BEGUN']);

interface Fault {
  readonly name: string;
  readonly begin: (scene: RedisScene) => unknown;
}

/** Each lasts for a while and is taken away again. */
const FAULTS: readonly Fault[] = [
  { name: 'latency', begin: ({ proxy }) => proxy.set({ kind: 'latency', ms: 40, jitterMs: 30 }) },
  { name: 'latency above the deadline', begin: ({ proxy }) => proxy.set({ kind: 'latency', ms: 500 }) },
  { name: 'blackhole', begin: ({ proxy }) => proxy.set({ kind: 'timeout', ms: 0, toward: 'both' }) },
  { name: 'hold', begin: ({ proxy }) => proxy.set({ kind: 'hold' }) },
  { name: 'resets', begin: ({ proxy }) => proxy.set({ kind: 'reset', share: 0.5 }) },
  { name: 'cut replies', begin: ({ proxy }) => proxy.set({ kind: 'limit', bytes: 50_000 }) },
  { name: 'slices', begin: ({ proxy }) => proxy.set({ kind: 'slicer', bytes: 200, jitter: 150 }) },
  { name: 'down', begin: ({ proxy }) => proxy.down() },
  { name: 'stopped', begin: ({ redis }) => redis.pause() },
];

export const soak: FaultRow = {
  id: 'R18',
  title: 'two hours of everything',
  injected: `the base load for ${ASKED_MINUTES} minutes, with a fault of the store's side every 30 s: ${FAULTS.map(({ name }) => name).join(', ')}`,
  mutations: [leakedAnswers],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const scene = await createRedisScene(context, form);
    const { product, load: start } = scene;
    const minutes = context.options.soakMinutes;
    const wholeMs = form === 'long' ? minutes * 60_000 : SHORT_MS;
    const everyMs = form === 'long' ? 30_000 : 800;
    const load = await start({ deadlineMs: form === 'long' ? 100 : 300 });
    await load.untilOk(50);
    const sampler = startSampler(product.pid, form === 'long' ? 5_000 : 200, context.cleanUp);
    await load.phase('soak');
    const began = monotonicMs();
    const delays: number[] = [];
    const faults: string[] = [];
    while (monotonicMs() - began < wholeMs) {
      const fault = oneOf(FAULTS, context.random);
      faults.push(fault.name);
      await fault.begin(scene);
      await sleep(everyMs / 3);
      await restore(scene);
      await sleep((everyMs * 2) / 3);
      delays.push((await product.metrics()).value('sideboard_event_loop_delay_seconds', { quantile: '0.99' }) * 1000);
      if (faults.length % 20 === 0) {
        const { ok, failed, wrong } = await load.counts();
        const rss = sampler.samples.at(-1)?.rssMb ?? 0;
        context.say(
          `${Math.round((monotonicMs() - began) / 60_000)} min: ${ok} OK, ${failed} failed, ${wrong} wrong, ${rss.toFixed(1)} MB`,
        );
      }
    }
    await load.phase('after');
    const calm = monotonicMs();
    await load.recovers(50, 15_000);
    await lasting(load, form, { longMs: 10_000, shortCalls: 250 });
    const result = await load.stop();
    const samples = sampler.stop();
    const settled = samples.filter(({ atMs }) => atMs >= began + settlingMs(wholeMs));
    const soaked = phaseOf(result, 'soak');
    judgeInvariants(sheet, result, ENDINGS);
    sheet.tell('faults', `${faults.length}`);
    sheet.tell('calls ended with', `${soaked.ok} OK, ${codesText(soaked)}`);
    sheet.atLeast('calls that failed of the faults', failedOf(soaked), { long: 1 });
    sheet.atMost(
      'calls of these that a connection at its age left unsent or not begun',
      (100 * ((soaked.codes.NOT_CONNECTED ?? 0) + (soaked.codes.NOT_BEGUN ?? 0))) / soaked.sent,
      { long: 0.01 },
      '%',
    );
    sheet.atLeast('OK from 2 s after the last fault', okPercent(result, calm + 2_000), { long: 99.9, short: 90 }, '%');
    const growth = (samples.at(-1)?.rssMb ?? 0) - (samples[0]?.rssMb ?? 0);
    sheet.atMost('resident memory grows by', rssSlopePerHour(settled), { long: 2 }, 'MB an hour');
    sheet.atMost('resident memory in all, more than at first', growth, { long: 60, short: 60 }, 'MB');
    sheet.tell(
      'resident memory at first and at last',
      `${(samples[0]?.rssMb ?? 0).toFixed(1)}, ${(samples.at(-1)?.rssMb ?? 0).toFixed(1)}`,
      'MB',
    );
    sheet.atMost('descriptors at last, more than at first', (samples.at(-1)?.fds ?? 0) - (samples[0]?.fds ?? 0), 4);
    sheet.atMost('event loop: median of its p99, one per fault', median(delays), { long: 20 }, 'ms');
    sheet.tell('event loop: worst p99 of 30 s', Math.max(...delays), 'ms');
    if (form === 'long' && minutes < ASKED_MINUTES) {
      sheet.note(
        `It ran for ${minutes} minutes and not for the ${ASKED_MINUTES} that are asked for; memory is judged from minute ${Math.round(settlingMs(wholeMs) / 60_000)} on.`,
      );
    }
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};

async function restore({ proxy, redis }: RedisScene): Promise<void> {
  redis.resume();
  proxy.clear();
  await proxy.up();
}

/** A third of a run that is shorter than asked for. */
function settlingMs(wholeMs: number): number {
  return Math.min(SETTLING_MINUTES * 60_000, wholeMs / 3);
}

function oneOf<T>(all: readonly T[], random: SeededRandom): T {
  const chosen = all[random(all.length)];
  if (chosen === undefined) throw new RangeError('nothing to choose from');
  return chosen;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
