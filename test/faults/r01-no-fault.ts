import { directReads } from '../../bench/load/direct-reads.ts';
import { startLoadDriver } from '../../bench/load/driver.ts';
import { featureField, timeField } from '../../src/stores/redis/redis-layout.ts';
import { JOIN_KEY, markedViews, PROJECT } from './data/marked-data.ts';
import type { MarkedRequest } from './data/marked-requests.ts';
import { FigureSheet, type Form } from './harness/figures.ts';
import { swappedRows } from './harness/mutations.ts';
import { lasting } from './harness/pace.ts';
import type { FaultRow } from './harness/row.ts';
import { failedOf, judgeInvariants, phaseOf } from './load/load-figures.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

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
    const { okLatency } = measured;
    sheet.atMost('p90 more than directly', okLatency.p90 - direct.p90Ms, { long: 2 }, 'ms');
    sheet.atMost('p99', okLatency.p99, { long: 4 }, 'ms');
    sheet.tell(
      'p50, p90, p99.9',
      [okLatency.p50, okLatency.p90, okLatency.p999].map((ms) => ms.toFixed(2)).join(', '),
      'ms',
    );
    sheet.tell(
      'p50, p90, p99 directly',
      [direct.p50Ms, direct.p90Ms, direct.p99Ms].map((ms) => ms.toFixed(2)).join(', '),
      'ms',
    );
    sheet.tell('how late the generator was at most', result.latestMs, 'ms');
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};

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
    pace: { kind: 'open', perSecond },
    connections: CONNECTIONS,
    warmupMs: form === 'long' ? WARMUP_MS : 200,
    measureMs: form === 'long' ? 30_000 : 1_000,
    pids: [],
    checksums: new Map(),
  });
}
