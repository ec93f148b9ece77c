import { crc32 } from 'node:zlib';
import { askOnce } from '../../bench/load/ask-once.ts';
import { directReads } from '../../bench/load/direct-reads.ts';
import { startLoadDriver } from '../../bench/load/driver.ts';
import { featureField, timeField } from '../../src/stores/redis/redis-layout.ts';
import { checkAnswer } from './data/check-answer.ts';
import { JOIN_KEY, markedViews, PROJECT } from './data/marked-data.ts';
import type { MarkedRequest } from './data/marked-requests.ts';
import { FigureSheet, type Form } from './harness/figures.ts';
import { swappedRows } from './harness/mutations.ts';
import { lasting } from './harness/pace.ts';
import type { FaultRow } from './harness/row.ts';
import { failedOf, judgeInvariants, phaseOf } from './load/load-figures.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

const SERVING_METHOD = '/feast.serving.ServingService/GetOnlineFeatures';
const CONNECTIONS = 16;
const WARMUP_MS = 5_000;

export const noFault: FaultRow = {
  id: 'R1',
  title: 'no fault at all',
  injected: 'nothing; 1,000 requests a second, beside the same reads sent to Redis directly',
  mutations: [swappedRows],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const { product, redis, ring, load: start } = await createRedisScene(context, form, { direct: true });
    const perSecond = form === 'long' ? 1_000 : 200;
    const direct = await readDirectly(form, redis.port, ring, perSecond, context.cleanUp);
    context.say(`directly: p90 ${direct.p90Ms.toFixed(2)} ms, p99 ${direct.p99Ms.toFixed(2)} ms`);
    const load = await start({ pace: { kind: 'open', perSecond }, connections: CONNECTIONS });
    await lasting(load, form, { longMs: WARMUP_MS, shortCalls: 100 });
    await load.phase('measured');
    await lasting(load, form, { longMs: 60_000, shortCalls: 400 });
    const result = await load.stop();
    const measured = phaseOf(result, 'measured');
    judgeInvariants(sheet, result);
    sheet.none('calls that failed', failedOf(measured), measured.failureTexts);
    sheet.atLeast('answered OK a second', (measured.ok * 1000) / measured.lengthMs, { long: 990 });
    const timed = await timeAnswers(form, product.address, ring, perSecond, context.cleanUp);
    sheet.none('of the answers whose time was taken, those that failed or are not the verified ones', timed.faults);
    sheet.atMost('p90 more than directly', timed.p90Ms - direct.p90Ms, { long: 2 }, 'ms');
    sheet.atMost('p99', timed.p99Ms, { long: 4 }, 'ms');
    const { okLatency } = measured;
    for (const [who, times] of [
      ['p50, p90, p99', [timed.p50Ms, timed.p90Ms, timed.p99Ms]],
      ['p50, p90, p99 directly', [direct.p50Ms, direct.p90Ms, direct.p99Ms]],
      ['p50, p90, p99 for the clients that verify values', [okLatency.p50, okLatency.p90, okLatency.p99]],
    ] as const)
      sheet.tell(who, times.map((ms) => ms.toFixed(2)).join(', '), 'ms');
    sheet.note(
      'Times are taken by clients as light as those that ask Redis directly: they compare each answer with one whose values were all verified, and collect no garbage. Those that verify values decode answers, and stand still while they collect garbage.',
    );
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};

/** How long the answers take, each compared with a verified one. */
async function timeAnswers(
  form: Form,
  address: string,
  ring: readonly MarkedRequest[],
  perSecond: number,
  cleanUp: (end: () => unknown) => void,
) {
  const requests = ring.map(({ bytes }) => bytes);
  const endpoint = { kind: 'wire', address, path: SERVING_METHOD, deadlineMs: 1_000 } as const;
  const answers = await askOnce(endpoint, requests);
  const unverified = answers.filter((answer, at) => {
    const request = ring[at];
    return request === undefined || checkAnswer(request, answer, { oldest: 1, newest: 1 }).wrong !== undefined;
  });
  const driver = startLoadDriver();
  cleanUp(() => driver.close());
  const result = await driver.run({
    endpoint,
    ring: requests,
    checksums: new Map(answers.map((answer, at) => [at, crc32(answer)])),
    ...measuring(form, perSecond),
  });
  const unseen = result.checked > 0 ? 0 : 1;
  return { ...result, faults: unverified.length + result.errors + result.differingCount + unseen };
}

function measuring(form: Form, perSecond: number) {
  return {
    pace: { kind: 'open', perSecond },
    connections: CONNECTIONS,
    warmupMs: form === 'long' ? WARMUP_MS : 200,
    measureMs: form === 'long' ? 30_000 : 1_000,
    pids: [],
  } as const;
}

/** The same reads without a server between: an HMGET per entity, replies only counted. */
async function readDirectly(
  form: Form,
  port: number,
  ring: readonly MarkedRequest[],
  perSecond: number,
  cleanUp: (end: () => unknown) => void,
) {
  const fields = markedViews.flatMap(({ name, features }) => [
    ...features.map((feature) => featureField(name, feature.name)),
    timeField(name),
  ]);
  const driver = startLoadDriver();
  cleanUp(() => driver.close());
  return driver.run({
    endpoint: { kind: 'resp', address: `127.0.0.1:${port}`, repliesPerRequest: ring[0]?.entities.length ?? 0 },
    ring: ring.map(({ entities }) => directReads(PROJECT, JOIN_KEY, entities, fields)),
    checksums: new Map(),
    ...measuring(form, perSecond),
  });
}
