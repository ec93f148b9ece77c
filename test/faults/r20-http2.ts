import { setTimeout as sleep } from 'node:timers/promises';
import { callHeaders, FrameType, frame, Http2Wire, headerBlock, unaryCall } from '../support/http2-wire.ts';
import { type MarkedRequest, markedRequest } from './data/marked-requests.ts';
import { FigureSheet } from './harness/figures.ts';
import type { FaultRow } from './harness/row.ts';
import { failedOf, judgeInvariants, phaseOf } from './load/load-figures.ts';
import { sampleProcess, startSampler } from './product/process-samples.ts';
import { judgeProduct } from './product/product.ts';
import { createRedisScene } from './product/redis-scene.ts';

const PATH = '/feast.serving.ServingService/GetOnlineFeatures';
const CANCEL = Buffer.from([0, 0, 0, 8]);
/** Resets, and pings, of a second. */
const PER_SECOND = 10_000;
const BATCH = 100;
/** What is reset: the flood is of resets, not of rows. */
const oneRow = markedRequest([1]);
/** SETTINGS_INITIAL_WINDOW_SIZE of 0: answers have nowhere to go. */
const NO_WINDOW = Buffer.from([0, 4, 0, 0, 0, 0]);
const MOST_MB = 100;
/** How long an attack goes on at most that the server does not end. */
const LONGEST_MS = 10_000;

/** How much a hostile client did. */
interface Attacked {
  readonly text: string;
  /** Connections that the server ended, where it should. */
  readonly ended?: number;
}

/** What a hostile client does until it is told to stop. */
type Attack = (address: string, request: MarkedRequest, isOver: () => boolean) => Promise<Attacked>;

const attacks: Readonly<Record<string, Attack>> = {
  'rapid reset': (address, _request, isOver) =>
    paced(address, isOver, 'resets', (at) =>
      Buffer.concat([
        unaryCall(2 * at + 1, PATH, Buffer.from(oneRow.bytes)),
        frame(FrameType.RST_STREAM, 0, 2 * at + 1, CANCEL),
      ]),
    ),
  pings: (address, _request, isOver) =>
    paced(address, isOver, 'pings', () => frame(FrameType.PING, 0, 0, Buffer.alloc(8))),
  settings: (address, _request, isOver) => paced(address, isOver, 'settings', () => frame(FrameType.SETTINGS, 0, 0)),
  continuations: (address, _request, isOver) => {
    const begun = frame(FrameType.HEADERS, 0, 1, headerBlock(callHeaders(PATH)));
    const more = frame(FrameType.CONTINUATION, 0, 1, headerBlock({ a: 'x'.repeat(1_000) }));
    return paced(address, isOver, 'continuations', (at) => (at === 0 ? begun : more), 1_000);
  },
  'clients that read slowly': (address, request, isOver) => unread(address, request, isOver, Buffer.alloc(0)),
  'clients without a window': (address, request, isOver) => unread(address, request, isOver, NO_WINDOW),
};

export const hostileHttp2: FaultRow = {
  id: 'R20',
  title: 'hostile HTTP/2 clients',
  injected: `${PER_SECOND.toLocaleString('en-US')} resets, pings or settings a second, endless CONTINUATION, answers that nobody reads or has a window for`,
  shortLimitMs: 120_000,
  mutations: [
    {
      name: 'calls may be reset for ever',
      file: 'src/transports/grpc/http2-limits.js',
      find: 'resetsAtOnce: 2_000,',
      replace: 'resetsAtOnce: 2_000_000_000,',
      fails: 'rapid reset: connections',
    },
    {
      name: 'headers may go on for ever',
      file: 'src/transports/grpc/net-http2/net-http2-limits.js',
      find: 'maxHeaderBlockBytes: 131_072,\n    maxHeaderFrames: 32,',
      replace: 'maxHeaderBlockBytes: 2e9,\n    maxHeaderFrames: 2e9,',
      fails: 'continuations: connections',
    },
  ],
  async run(context, form) {
    const sheet = new FigureSheet(form);
    const { product, load: start } = await createRedisScene(context, form, { direct: true });
    const load = await start({ deadlineMs: 2_000 });
    const steady = async (): Promise<void> => {
      await (form === 'long' ? sleep(8_000) : load.untilEnded(60));
    };
    await load.untilOk(50);
    await load.phase('calm');
    await steady();
    const before = sampleProcess(product.pid);
    const sampler = startSampler(product.pid, 100, context.cleanUp);
    const request = markedRequest(Array.from({ length: 50 }, (_, at) => at + 1));
    for (const [name, attack] of Object.entries(attacks)) {
      let over = false;
      await load.phase(name);
      const attacking = attack(product.address, request, () => over);
      await steady();
      over = true;
      const { text, ended } = await attacking;
      sheet.tell(`${name}: what was done`, text);
      if (ended !== undefined) sheet.atLeast(`${name}: connections that the server ended`, ended, 1);
      context.say(`${name}: ${text}`);
    }
    const most = Math.max(...sampler.stop().map(({ rssMb }) => rssMb));
    await load.phase('calm again');
    await load.untilOk(50);
    const result = await load.stop();
    judgeInvariants(sheet, result);
    const calm = phaseOf(result, 'calm').okLatency.p99;
    for (const name of Object.keys(attacks)) {
      const { okLatency } = phaseOf(result, name);
      sheet.atMost(`${name}: p99 of other clients, as a multiple of ${calm.toFixed(1)} ms`, okLatency.p99 / calm, {
        long: 3,
      });
    }
    const failed = result.phases.filter((phase) => failedOf(phase) > 0);
    // A machine that others keep busy has no time left for a flood: there the figure is only told.
    sheet.atMost(
      `of ${result.phases.reduce((sum, { sent }) => sum + sent, 0)} calls of other clients, those that failed`,
      failed.reduce((sum, phase) => sum + failedOf(phase), 0),
      { long: 0 },
    );
    for (const { name, failureTexts } of failed) sheet.note(`${name}: ${failureTexts.join(' ').slice(0, 300)}`);
    sheet.atMost('memory that the attacks took', most - before.rssMb, { long: MOST_MB }, 'MB');
    await judgeProduct(sheet, product);
    return sheet.report();
  },
};

/** Sends frames at a rate, on one connection after the other as the server ends them. */
async function paced(
  address: string,
  isOver: () => boolean,
  what: string,
  bytesAt: (index: number) => Buffer,
  perSecond = PER_SECOND,
): Promise<Attacked> {
  const began = Date.now();
  let [sent, connections, ended] = [0, 0, 0];
  // However slow the machine is: until the server has had enough once, or never has.
  const isDone = (): boolean => isOver() && (ended > 0 || Date.now() - began > LONGEST_MS);
  while (!isDone()) {
    const wire = await Http2Wire.greet(address).catch(() => undefined);
    if (wire === undefined) {
      await sleep(10);
      continue;
    }
    connections++;
    for (let at = 0; !wire.ended && !isDone(); ) {
      const due = Math.min(BATCH, Math.floor(((Date.now() - began) * perSecond) / 1000) - sent);
      if (due <= 0) {
        await sleep(2);
        continue;
      }
      await wire.push(Buffer.concat(Array.from({ length: due }, () => bytesAt(at++))));
      sent += due;
    }
    if (wire.ended) ended++;
    wire.destroy();
  }
  const seconds = (Date.now() - began) / 1000;
  return {
    text: `${sent.toLocaleString('en-US')} ${what} in ${seconds.toFixed(1)} s over ${connections} connections`,
    ended,
  };
}

/** Clients that ask for large answers and take none. */
async function unread(
  address: string,
  request: MarkedRequest,
  isOver: () => boolean,
  settings: Buffer,
): Promise<Attacked> {
  const wires: Http2Wire[] = [];
  let calls = 0;
  try {
    while (!isOver()) {
      if (wires.length < 10) {
        const wire = await Http2Wire.greet(address, settings);
        wire.pause();
        wires.push(wire);
        for (let n = 0; n < 10; n++, calls++) wire.send(unaryCall(2 * n + 1, PATH, Buffer.from(request.bytes)));
      }
      await sleep(20);
    }
  } finally {
    for (const wire of wires) wire.destroy();
  }
  return { text: `${calls} calls for ${request.entities.length} rows over ${wires.length} connections` };
}
