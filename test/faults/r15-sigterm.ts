import { createHealthClient } from '../support/health-client.ts';
import { Http2Wire } from '../support/http2-wire.ts';
import { findFreePort } from '../support/redis-server.ts';
import { FigureSheet } from './harness/figures.ts';
import type { FaultRow } from './harness/row.ts';
import { codesText, failedOf, judgeInvariants } from './load/load-figures.ts';
import type { LoadResult, PhaseResult } from './load/load-spec.ts';
import { judgeProduct, startProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

/** How a call may fail behind the signal: it says so, or it was never sent, or never begun. */
const REFUSED = new Set(['UNAVAILABLE', 'NOT_CONNECTED', 'NOT_BEGUN']);
const GRACE_SECONDS = 10;

export const sigterm: FaultRow = {
  id: 'R15',
  title: 'SIGTERM under load',
  injected:
    'SIGTERM again and again, with calls under way that wait for the store, a Watch open, an idle client and one that only connected',
  mutations: [
    {
      name: 'connections are cut at once in place of drained',
      file: 'src/transports/grpc/connection-set.js',
      find: 'for (const { connection } of connections)\n            connection.drain();',
      replace: 'for (const { connection } of connections)\n            connection.destroy();',
      fails: 'under way when the signal came',
    },
  ],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const rounds = form === 'long' ? 100 : 3;
    const grpcAddress = `127.0.0.1:${await findFreePort()}`;
    const options = { grpcAddress, args: ['--shutdown-timeout', `${GRACE_SECONDS}`] };
    const scene = await createRedisScene(context, form, { product: options });
    scene.proxy.set({ kind: 'latency', ms: 20, jitterMs: 10 });
    const load = await scene.load({ pace: { kind: 'closed', concurrency: 16 }, connections: 4, deadlineMs: 5_000 });
    const statuses = new Map<string, number>();
    const watches = new Map<string, number>();
    const tookMs: number[] = [];
    let slips = 0;
    let product = scene.product;
    for (let round = 1; round <= rounds; round++) {
      if (round % 20 === 0) context.say(`${round} times`);
      await load.untilOk(60);
      await load.phase('serving');
      const health = createHealthClient(product.address);
      context.cleanUp(() => health.close());
      const watch = health.watch();
      await watch.until(1);
      const idle = [await Http2Wire.greet(product.address), await Http2Wire.open(product.address)];
      await load.untilEnded(30 + context.random(30));
      await load.phase('stopping');
      const toldAt = Date.now();
      product.signal('SIGTERM');
      const [status, signal] = await product.ended;
      tookMs.push(Date.now() - toldAt);
      count(statuses, `${status ?? signal}`);
      count(watches, await watch.ended);
      for (const wire of idle) wire.destroy();
      health.close();
      slips += /unhandled|uncaught|unforeseen/i.test(product.output()) ? 1 : 0;
      product = await startProduct(context, { ...options, repo: scene.repo });
    }
    await load.untilOk(20);
    const result = await load.stop();
    judgeInvariants(sheet, result, new Set([...REFUSED, 'CONNECTION_LOST']));
    judgeCalls(sheet, result);
    sheet.equal('exit statuses', listOf(statuses), `${rounds} × 0`);
    sheet.equal('how the Watches ended', listOf(watches), `${rounds} × UNAVAILABLE`);
    sheet.atMost('longest time from the signal to the exit', Math.max(...tookMs) / 1000, GRACE_SECONDS, 's');
    sheet.none('processes with unhandled errors in their log', slips);
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};

function judgeCalls(sheet: FigureSheet, { phases }: LoadResult): void {
  const serving = phases.filter(({ name }) => name === 'serving');
  const stopping = phases.filter(({ name }) => name === 'stopping');
  sheet.none(
    `of ${sumOf(serving, ({ sent }) => sent)} calls that were sent before the signal or under way when the signal came, those lost`,
    sumOf(serving, failedOf),
    serving.map(codesText).filter((text) => text !== 'none'),
  );
  const others = stopping.flatMap((phase) => Object.entries(phase.codes).filter(([code]) => !REFUSED.has(code)));
  sheet.none(
    'calls behind the signal that failed other than UNAVAILABLE, unsent or not begun',
    others.reduce((sum, [, times]) => sum + times, 0),
    [...others.map(([code, times]) => `${times} ${code}`), ...stopping.flatMap(({ failureTexts }) => failureTexts)],
  );
  sheet.tell(
    'calls answered behind the signal',
    sumOf(stopping, ({ ok }) => ok),
  );
}

function sumOf(phases: readonly PhaseResult[], numberOf: (phase: PhaseResult) => number): number {
  return phases.reduce((sum, phase) => sum + numberOf(phase), 0);
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function listOf(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, times]) => `${times} × ${name}`).join(', ');
}
