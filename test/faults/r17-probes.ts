import { get } from 'node:http';
import { FrameType, Http2Wire, unaryCall } from '../support/http2-wire.ts';
import { until } from '../support/until.ts';
import { FigureSheet } from './harness/figures.ts';
import type { FaultRow } from './harness/row.ts';
import { failedOf, judgeInvariants } from './load/load-figures.ts';
import { type CollectedMemory, collectedMemoryIn } from './product/collected-memory.ts';
import { sampleProcess } from './product/process-samples.ts';
import { judgeProduct, type Product } from './product/product.ts';
import { baseLoad, createRedisScene } from './product/redis-scene.ts';

const AT_ONCE = 8;
/** What a few hundred probes add, taken by ten thousand, is mostly what a process that has just begun learns; a connection takes several KB. */
const SHORT_MB = 18;
const CHECK = '/grpc.health.v1.Health/Check';
/** A `HealthCheckResponse` of SERVING behind gRPC's five bytes. */
const SERVING = Buffer.from('00000000020801', 'hex');

export const probes: FaultRow = {
  id: 'R17',
  title: 'many short connections, many idle ones',
  injected:
    '40,000 probes over HTTP and gRPC, each on a connection of its own (1,200 in the short form); a thousand idle connections (200)',
  mutations: [
    {
      name: 'connections that have ended are kept',
      file: 'src/transports/grpc/connection-set.js',
      find: 'void connection.hungUp.then(() => this.#connections.delete(kept));',
      replace: '',
      fails: 'connections that the product counts',
    },
    {
      name: 'probes over HTTP stay in memory',
      file: 'src/transports/http/admin-server.js',
      find: 'async function respond(request, response, pages) {',
      replace: 'async function respond(request, response, pages) { (globalThis.kept ??= []).push(response);',
      fails: 'objects and buffers',
    },
    {
      name: 'connections over gRPC that have ended stay in memory',
      file: 'src/transports/grpc/net-http2/net-http2-server.js',
      find: 'connections.add(new Connection(socket, context));',
      replace:
        'const kept = new Connection(socket, context); (globalThis.kept ??= []).push(kept); connections.add(kept);',
      fails: 'objects and buffers',
    },
  ],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const [warmUp, measured, idleCount] = form === 'long' ? [10_000, 30_000, 1_000] : [300, 900, 200];
    const memory = collectedMemoryIn(context.folder);
    const { product, load: start } = await createRedisScene(context, form, { direct: true, product: memory.options });
    const base = baseLoad(form, product, []).pace;
    const load = await start({ deadlineMs: form === 'long' ? 100 : 5_000 });
    // A collection stops the process for longer than a call may take.
    const collected = async (): Promise<CollectedMemory> => {
      await load.rest();
      const held = await memory.of(product);
      await load.setPace(base);
      return held;
    };
    await load.untilOk(20);
    const { fds } = sampleProcess(product.pid);
    let failed = await probeAll(product, warmUp);
    context.say(`${warmUp} probes`);
    const usual: number[] = [];
    const held: CollectedMemory[] = [];
    const steps = form === 'long' ? 30 : 6;
    for (let step = 0; step <= steps; step++) {
      usual.push(sampleProcess(product.pid).rssMb);
      held.push(await collected());
      if (step < steps) failed += await probeAll(product, measured / steps);
    }
    const backFds = await returnedTo(product, fds);
    sheet.none(`of ${warmUp + measured} probes, those not answered with ready or SERVING`, failed);
    sheet.holds('file descriptors behind them', backFds <= fds, `${fds}, as before`, `${backFds}`);
    judgeMemory(sheet, { held, usual, warmUp, measured });
    const last = held.at(-1)?.liveMb ?? 0;
    const idle: Http2Wire[] = [];
    context.cleanUp(() => {
      for (const wire of idle) wire.destroy();
    });
    while (idle.length < idleCount) idle.push(await Http2Wire.greet(product.address));
    const { fds: idleFds } = sampleProcess(product.pid);
    const { liveMb } = await collected();
    sheet.atLeast(`connections open with ${idleCount} idle clients`, idleFds - backFds, idleCount);
    sheet.tell('objects and buffers that an idle connection takes', ((liveMb - last) * 1024) / idleCount, 'KB');
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

interface MemoryFound {
  /** Behind collections, at equal distances; the first behind the warm-up. */
  readonly held: readonly CollectedMemory[];
  /** What was resident just before each of them, in MB. */
  readonly usual: readonly number[];
  readonly warmUp: number;
  /** Probes from the first sample to the last. */
  readonly measured: number;
}

function judgeMemory(sheet: FigureSheet, { held, usual, warmUp, measured }: MemoryFound): void {
  const perTenThousand = (of: (each: CollectedMemory) => number): number =>
    slopeOf(held.map(of)) * (held.length - 1) * (10_000 / measured);
  const line = 'along the line through all samples, each behind a collection of garbage';
  sheet.atMost(`memory that 10,000 probes add, ${line}`, perTenThousand(residentOf), { long: 1 }, 'MB');
  sheet.atMost(
    `objects and buffers that 10,000 probes add, ${line}`,
    perTenThousand(liveOf),
    { long: 1, short: SHORT_MB },
    'MB',
  );
  const ends = (of: (each: CollectedMemory) => number): string =>
    [...held.slice(0, 1), ...held.slice(-1)].map((each) => of(each).toFixed(1)).join(', ');
  sheet.tell('memory before and behind them', ends(residentOf), 'MB');
  sheet.tell('of it objects and buffers', ends(liveOf), 'MB');
  const [least, most] = [Math.min(...usual), Math.max(...usual)];
  sheet.tell('memory with what V8 has not collected: least, most', `${least.toFixed(1)}, ${most.toFixed(1)}`, 'MB');
  sheet.note(
    `Memory is looked at ${held.length} times, the first time behind ${warmUp.toLocaleString('en-US')} probes, always behind full ` +
      'collections of garbage, for which the product is asked while the load rests. Between them V8 keeps tens of megabytes of ' +
      'garbage, more at one time than at another: a line through those says nothing of what stays.',
  );
}

const residentOf = ({ rssMb }: CollectedMemory): number => rssMb;
const liveOf = ({ liveMb }: CollectedMemory): number => liveMb;

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
