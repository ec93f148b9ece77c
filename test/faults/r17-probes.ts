import { get } from 'node:http';
import { FrameType, Http2Wire, unaryCall } from '../support/http2-wire.ts';
import { until } from '../support/until.ts';
import { FigureSheet } from './harness/figures.ts';
import type { FaultRow } from './harness/row.ts';
import { failedOf, judgeInvariants } from './load/load-figures.ts';
import { sampleProcess } from './product/process-samples.ts';
import { judgeProduct, type Product } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

const AT_ONCE = 8;
const CHECK = '/grpc.health.v1.Health/Check';
/** A `HealthCheckResponse` of SERVING behind gRPC's five bytes. */
const SERVING = Buffer.from('00000000020801', 'hex');

export const probes: FaultRow = {
  id: 'R17',
  title: 'many short connections, many idle ones',
  injected:
    'probes over HTTP and gRPC, each on a connection of its own; a thousand idle connections (200 in the short form)',
  mutations: [
    {
      name: 'connections that have ended are kept',
      file: 'src/transports/grpc/connection-set.js',
      find: 'void connection.hungUp.then(() => this.#connections.delete(kept));',
      replace: '',
      fails: 'connections that the product counts',
    },
  ],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const [warmUp, measured, idleCount] = form === 'long' ? [10_000, 10_000, 1_000] : [300, 600, 200];
    const { product, load: start } = await createRedisScene(context, form, { direct: true });
    const load = await start({ deadlineMs: form === 'long' ? 100 : 5_000 });
    await load.untilOk(20);
    const { fds } = sampleProcess(product.pid);
    let failed = await probeAll(product, warmUp);
    context.say(`${warmUp} probes`);
    const rss: number[] = [];
    const steps = 10;
    for (let step = 0; step <= steps; step++) {
      rss.push(sampleProcess(product.pid).rssMb);
      if (step < steps) failed += await probeAll(product, measured / steps);
    }
    const backFds = await returnedTo(product, fds);
    sheet.none(`of ${warmUp + measured} probes, those not answered with ready or SERVING`, failed);
    sheet.holds('file descriptors behind them', backFds <= fds, `${fds}, as before`, `${backFds}`);
    const growth = slopeOf(rss) * steps * (10_000 / measured);
    sheet.atMost('memory that 10,000 probes add, along the line through all samples', growth, { long: 1 }, 'MB');
    sheet.tell('memory before and behind them', `${rss[0]?.toFixed(1)}, ${rss.at(-1)?.toFixed(1)}`, 'MB');
    const idle: Http2Wire[] = [];
    context.cleanUp(() => {
      for (const wire of idle) wire.destroy();
    });
    while (idle.length < idleCount) idle.push(await Http2Wire.greet(product.address));
    const held = sampleProcess(product.pid);
    sheet.atLeast(`connections open with ${idleCount} idle clients`, held.fds - backFds, idleCount);
    sheet.tell('memory that an idle connection takes', ((held.rssMb - (rss.at(-1) ?? 0)) * 1024) / idleCount, 'KB');
    await load.untilOk(20);
    for (const wire of idle) wire.destroy();
    const endFds = await returnedTo(product, fds);
    sheet.holds('file descriptors when they have gone', endFds <= fds, `${fds}, as before`, `${endFds}`);
    const result = await load.stop();
    sheet.atMost(
      'connections that the product counts in the end',
      (await product.metrics()).value('sideboard_connections'),
      8,
    );
    judgeInvariants(sheet, result);
    sheet.none(
      'calls of neighbours that failed',
      result.phases.reduce((sum, phase) => sum + failedOf(phase), 0),
    );
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};

/** Half of them over HTTP, half over gRPC. @returns how many were not answered as they should */
async function probeAll(product: Product, count: number): Promise<number> {
  let next = 0;
  let failed = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const isServing = next++ % 2 === 0 ? probeHttp(product.admin) : probeGrpc(product.address);
      failed += (await isServing.catch(() => false)) ? 0 : 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return failed;
}

function probeHttp(admin: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const request = get(`http://${admin}/readyz`, { agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

async function probeGrpc(address: string): Promise<boolean> {
  const wire = await Http2Wire.greet(address);
  try {
    wire.send(unaryCall(1, CHECK, Buffer.alloc(0)));
    const { payload } = await wire.next(({ type, stream }) => type === FrameType.DATA && stream === 1);
    return payload.equals(SERVING);
  } finally {
    wire.destroy();
  }
}

/** Waits until the descriptors are no more than before. @returns how many there are, also where they stay */
async function returnedTo(product: Product, fds: number): Promise<number> {
  const look = (): number => sampleProcess(product.pid).fds;
  return until(
    () => {
      const now = look();
      return now <= fds ? now : undefined;
    },
    () => '',
    10_000,
  ).catch(look);
}

/** Slope of the line through values at equal distances, per distance. */
function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let over = 0;
  let under = 0;
  for (const [index, value] of values.entries()) {
    over += (index - middle) * (value - mean);
    under += (index - middle) ** 2;
  }
  return over / under;
}
