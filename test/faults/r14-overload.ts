import { setTimeout as sleep } from 'node:timers/promises';
import { FigureSheet } from './harness/figures.ts';
import { swappedRows } from './harness/mutations.ts';
import { lasting } from './harness/pace.ts';
import type { FaultRow } from './harness/row.ts';
import { GrpcCaller } from './load/grpc-caller.ts';
import { codesText, judgeInvariants, okPercent, phaseOf, wrongOf } from './load/load-figures.ts';
import { monotonicMs } from './load/load-spec.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

const TIMES = 5;
const RECOVERY_MS = 5_000;
/** Requests so large that one generator can send five times as many as are answered, and costs little beside answering. */
const ENTITIES = { long: 800, short: 150 };
const REQUESTS = 16;
/** So many at a time keep store and product busy, and wait for little. */
const SATURATING = 4;
/** A call may wait for its turn for so much of its deadline: it needs the rest. */
const QUEUE_SHARE = 4;

export const overload: FaultRow = {
  id: 'R14',
  title: 'more than can be served',
  injected: `${TIMES} times as many requests as the product can answer, for 60 s, each for ${ENTITIES.long} entities and 20 features`,
  mutations: [
    swappedRows,
    {
      name: 'calls may wait for their turn as long as they like',
      file: 'src/config/sideboard-settings.js',
      find: 'maxQueueAgeMs: serving.max_queue_age_ms,',
      replace: 'maxQueueAgeMs: 1e9,',
      fails: 'waited too long',
    },
  ],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const deadlineMs = form === 'long' ? 100 : 1_000;
    const { product, load: start } = await createRedisScene(context, form, {
      direct: true,
      population: form === 'long' ? 2_000 : 500,
      entities: ENTITIES[form],
      requests: REQUESTS,
      sideboard: { serving: { max_queue_age_ms: deadlineMs / QUEUE_SHARE } },
    });
    const load = await start({ pace: { kind: 'closed', concurrency: 1 }, connections: 16, deadlineMs, warmUp: false });
    // The generator looks at each answer value by value once; from then on it compares bytes.
    await load.untilOk(2 * REQUESTS);
    await load.phase('peak');
    await load.setPace({ kind: 'closed', concurrency: SATURATING });
    await lasting(load, form, { longMs: 5_000, shortCalls: 50 });
    const before = await load.counts();
    const beganPeak = monotonicMs();
    await sleep(form === 'long' ? 5_000 : 1_000);
    const peak = (((await load.counts()).ok - before.ok) * 1000) / (monotonicMs() - beganPeak);
    context.say(`it answers ${Math.round(peak)} requests a second at most`);
    const health = watchHealth(product.address, form === 'long' ? 50 : 100);
    context.cleanUp(() => health.stop());
    await load.setPace({ kind: 'open', perSecond: Math.ceil(peak * TIMES) });
    await sleep(500);
    await load.phase('overload');
    await sleep(form === 'long' ? 60_000 : 3_000);
    const checks = health.stop();
    await load.phase('after');
    await load.setPace({ kind: 'open', perSecond: Math.max(5, Math.floor(peak / 4)) });
    const eased = monotonicMs();
    const recovered = await load.recovers(10, 20_000);
    const recoverySeconds = recovered ? (monotonicMs() - eased) / 1000 : Number.POSITIVE_INFINITY;
    await lasting(load, form, { longMs: 10_000, shortCalls: 200 });
    const result = await load.stop();
    const overloaded = phaseOf(result, 'overload');
    // Calls that the generator itself could not get an answer for count as lost; with five times too many that is its own core's doing.
    judgeInvariants(sheet, result, new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED', 'NO_ANSWER']));
    const seconds = overloaded.lengthMs / 1000;
    const goodput = (overloaded.ok - wrongOf(overloaded)) / seconds;
    sheet.tell('the most it answers, asked no more than that', peak, 'a second');
    sheet.tell('asked for in overload', overloaded.sent / seconds, 'a second');
    sheet.atLeast('answered OK in overload', (100 * goodput) / peak, { long: 80 }, '% of the most');
    sheet.tell('the others ended with', codesText(overloaded));
    const { QUEUED_TOO_LONG = 0 } = overloaded.sideboardCodes;
    // A peak that was measured beside others may be so low that five times as much is no overload.
    const isOverload = form === 'long' || overloaded.ok < 0.8 * overloaded.sent;
    sheet.holds(
      'turned away because they had waited too long for their turn',
      QUEUED_TOO_LONG > 0 || !isOverload,
      'some',
      `${QUEUED_TOO_LONG} of ${overloaded.sent}`,
    );
    sheet.atMost('p99 of those answered', overloaded.okLatency.p99, { long: 2 * deadlineMs }, 'ms');
    sheet.atLeast('health checks meanwhile', checks.latencies.length, 1);
    sheet.none('health checks without an answer', checks.failed);
    sheet.atMost('longest health check', Math.max(0, ...checks.latencies), { long: 50 }, 'ms');
    sheet.atMost(
      'ten calls OK in a row after it was over',
      recoverySeconds,
      { long: RECOVERY_MS / 1000, short: 20 },
      's',
    );
    sheet.atLeast(
      `OK from ${RECOVERY_MS / 1000} s after it was over`,
      okPercent(result, eased + RECOVERY_MS),
      { long: 99.9 },
      '%',
    );
    sheet.note(
      `The product is set to let calls wait for a ${QUEUE_SHARE}th of their deadline: sideboard.serving.max_queue_age_ms is ${deadlineMs / QUEUE_SHARE}.`,
    );
    sheet.tell('how late the generator was at most', result.latestMs, 'ms');
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};

interface HealthChecks {
  /** In milliseconds. */
  readonly latencies: number[];
  failed: number;
}

/** Asks `grpc.health.v1.Health/Check` over a connection of its own, again and again. */
function watchHealth(address: string, everyMs: number): { stop(): HealthChecks } {
  const checks: HealthChecks = { latencies: [], failed: 0 };
  const caller = new GrpcCaller({
    address,
    connections: 1,
    deadlineMs: 5_000,
    giveUpMs: 10_000,
    metadata: {},
    path: '/grpc.health.v1.Health/Check',
  });
  let running = true;
  const ask = (): void => {
    if (!running) return;
    const began = monotonicMs();
    caller.call(new Uint8Array(), ({ code }) => {
      if (!running) return;
      if (code === 'OK') checks.latencies.push(monotonicMs() - began);
      else checks.failed++;
      setTimeout(ask, everyMs);
    });
  };
  caller.open().then(ask, () => {
    checks.failed++;
  });
  return {
    stop() {
      running = false;
      caller.close();
      return checks;
    },
  };
}
