import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { createServer } from 'node:net';
import { ConnectionSet, type ServedConnection } from '../../../src/transports/grpc/connection-set.ts';
import { type Http2Limits, http2Limits } from '../../../src/transports/grpc/http2-limits.ts';
import type { GrpcServer } from '../../../src/transports/grpc/service-table.ts';
import { grpcServers, startGrpcServer } from '../../../src/transports/grpc/start-grpc-server.ts';
import type { TransportLimit } from '../../../src/transports/grpc/transport-limit.ts';
import { createEchoService } from '../../support/echo-service.ts';
import { http2Call, openSession, statusOf } from '../../support/http2-call.ts';
import { eventually, Http2ServerUnderTest, http2Servers, pause } from '../../support/http2-server-under-test.ts';
import {
  ACK,
  callHeaders,
  END_HEADERS,
  END_STREAM,
  FrameType,
  frame,
  goawayOf,
  grpcMessage,
  Http2Wire,
  headerBlock,
  unaryCall,
} from '../../support/http2-wire.ts';

const UNAVAILABLE = 14;
const ping = frame(FrameType.PING, 0, 0, Buffer.alloc(8));
const isGoaway = ({ type }: { readonly type: number }): boolean => type === FrameType.GOAWAY;

for (const kind of Object.keys(grpcServers) as (keyof typeof grpcServers)[]) {
  describe(`the ${kind} server, of connections`, function () {
    this.timeout(30_000);

    let server: GrpcServer;
    let wires: Http2Wire[] = [];
    let limits: TransportLimit[] = [];

    async function start(configured: Partial<Http2Limits>): Promise<void> {
      const echo = createEchoService();
      limits = [];
      const options = echo.options({ limits: configured, onLimit: (limit) => limits.push(limit) });
      server = await startGrpcServer(kind, echo.methods, options);
    }

    const greet = async (): Promise<Http2Wire> => {
      const wire = await Http2Wire.greet(server.address);
      wires.push(wire);
      return wire;
    };

    afterEach(async () => {
      for (const wire of wires) wire.destroy();
      wires = [];
      await server.close(100);
    });

    it('takes no more than its number, and another one when one has left', async () => {
      await start({ maxConnections: 3 });
      const [first] = [await greet(), await greet(), await greet()];
      const another = await Http2Wire.open(server.address);
      wires.push(another);
      await another.hungUp();
      assert.equal(another.frames.length, 0);
      assert.deepEqual(limits, ['connections']);
      assert.equal(server.openConnections(), 3);
      first?.destroy();
      await eventually(
        () => server.openConnections() === 2,
        () => 'the first is still there',
      );
      const wire = await greet();
      wire.send(unaryCall(1, '/test.Echo/Echo', Buffer.from('x')));
      await wire.next(({ type }) => type === FrameType.DATA);
    });

    it('lets each be used for its time, and finishes what is under way', async () => {
      await start({ connectionAgeMs: 1_000, connectionIdleMs: 0, connectionAgeGraceMs: 20_000 });
      const wire = await greet();
      wire.send(unaryCall(1, '/test.Echo/Wait', Buffer.from('2500')));
      const { code } = goawayOf(await wire.next(isGoaway));
      assert.equal(code, constants.NGHTTP2_NO_ERROR);
      const answer = await wire.next(({ type, stream }) => type === FrameType.DATA && stream === 1);
      assert.equal(answer.payload.subarray(5).toString(), '2500');
      await wire.hungUp(10_000);
      const session = openSession(server.address);
      const frames = [grpcMessage(Buffer.from('x'))];
      assert.equal(statusOf(await http2Call(session, '/test.Echo/Echo', { frames })), 0);
      session.destroy();
    });

    it('hangs up on one that has had no calls for its time, and not on one that has', async () => {
      await start({ connectionAgeMs: 0, connectionIdleMs: 1_500 });
      const [idle, busy] = [await greet(), await greet()];
      let stream = 1;
      const calling = setInterval(() => {
        busy.send(unaryCall(stream, '/test.Echo/Echo', Buffer.from('x')));
        stream += 2;
      }, 100);
      await idle.hungUp(10_000).finally(() => clearInterval(calling));
      assert.equal(busy.frames.some(isGoaway), false);
      assert.equal(busy.ended, false);
    });

    it('cuts off a client that does not answer within the timeout whether it is there', async () => {
      await start({ keepaliveMs: 2_000, keepaliveTimeoutMs: 100 });
      const wire = await greet();
      await wire.next(({ type, flags }) => type === FrameType.PING && (flags & ACK) === 0);
      const asked = performance.now();
      await wire.hungUp();
      assert.ok(performance.now() - asked < 1_800);
    });
  });
}

for (const kind of http2Servers) {
  describe(`the ${kind} server, of connections whose limits have passed`, function () {
    this.timeout(30_000);

    let lab: Http2ServerUnderTest;
    let limits: TransportLimit[];

    const start = async (configured: Partial<Http2Limits>, limitsOfTest: Partial<Http2Limits> = {}): Promise<void> => {
      limits = [];
      const options = { limits: configured, onLimit: (limit: TransportLimit) => limits.push(limit) };
      lab = await Http2ServerUnderTest.start(kind, options, limitsOfTest);
    };

    afterEach(() => lab.end());

    it('answers calls that outlast the grace UNAVAILABLE', async () => {
      await start({ connectionAgeMs: 1_000, connectionAgeGraceMs: 100 }, { sweepMs: 20 });
      const session = openSession(lab.server.address);
      const answer = await http2Call(session, '/test.Echo/Wait', { frames: [grpcMessage(Buffer.from('20000'))] });
      assert.equal(statusOf(answer), UNAVAILABLE);
      assert.equal(answer.headers['sideboard-code'], 'CONNECTION_TOO_OLD');
      session.destroy();
      assert.deepEqual(limits, ['connection_age']);
    });

    it('tells of a client that is idle, silent, or pings too often', async () => {
      await start({ connectionIdleMs: 400, connectionAgeMs: 0 }, { sweepMs: 20 });
      await (await lab.greet()).hungUp();
      assert.deepEqual(limits, ['connection_idle']);
      await lab.end();
      await start({ keepaliveMs: 200, keepaliveTimeoutMs: 50 });
      await (await lab.greet()).hungUp();
      assert.deepEqual(limits, ['keepalive']);
      await lab.end();
      await start({ minPingIntervalMs: 60_000 });
      const wire = await lab.greet();
      for (let sent = 0; sent < 10; sent++) await wire.push(ping);
      assert.equal(goawayOf(await wire.next(isGoaway)).text, 'too_many_pings');
      assert.deepEqual(limits, ['pings']);
    });

    it('lets a client ping as often as the setting allows', async () => {
      await start({ minPingIntervalMs: 0 });
      const wire = await lab.greet();
      for (let sent = 0; sent < 50; sent++) wire.send(ping);
      await eventually(
        () => wire.frames.filter(({ type }) => type === FrameType.PING).length === 50,
        () => wire.describe(),
      );
      assert.equal(wire.frames.some(isGoaway), false);
    });

    it('resets a call with more metadata than the setting allows, and answers others', async () => {
      await start({ maxHeaderBytes: 8_192 });
      const wire = await lab.greet();
      const headers = callHeaders('/test.Echo/Echo', { 'x-large': 'x'.repeat(9_000) });
      wire.send(frame(FrameType.HEADERS, END_HEADERS | END_STREAM, 1, headerBlock(headers)));
      await wire.next(({ type, stream }) => type === FrameType.RST_STREAM && stream === 1);
      wire.send(unaryCall(3, '/test.Echo/Echo', Buffer.from('x')));
      await wire.next(({ type, stream }) => type === FrameType.DATA && stream === 3);
      if (kind === 'net-http2') assert.deepEqual(limits, ['metadata']);
    });
  });
}

for (const kind of ['node-http2', 'grpc-js'] as const) {
  describe(`the ${kind} server, of calls on one connection`, () => {
    it('runs no more than it allows: the connection of a client that opens more ends', async () => {
      const echo = createEchoService();
      const server = await startGrpcServer(kind, echo.methods, echo.options({ maxConcurrentStreams: 2 }));
      const wire = await Http2Wire.greet(server.address);
      // The limit holds once the client has acknowledged it, which it has with the answer to its first call.
      wire.send(unaryCall(1, '/test.Echo/Echo', Buffer.from('x')));
      await wire.next(({ type, stream }) => type === FrameType.DATA && stream === 1);
      for (const stream of [3, 5, 7]) wire.send(unaryCall(stream, '/test.Echo/Wait', Buffer.from('5000')));
      assert.notEqual(goawayOf(await wire.next(isGoaway)).code, 0);
      await wire.hungUp();
      assert.ok(echo.counts.started <= 3, `${echo.counts.started} methods began`);
      await server.close(100);
    });
  });
}

describe('the net-http2 server, of calls on one connection', () => {
  it('tells of those that are more than it allows', async () => {
    const limits: TransportLimit[] = [];
    const options = { maxConcurrentStreams: 2, onLimit: (limit: TransportLimit) => limits.push(limit) };
    const lab = await Http2ServerUnderTest.start('net-http2', options);
    const wire = await lab.greet();
    for (const stream of [1, 3, 5]) wire.send(unaryCall(stream, '/test.Echo/Wait', Buffer.from('300')));
    await wire.next(({ type, stream }) => type === FrameType.RST_STREAM && stream === 5);
    assert.deepEqual(limits, ['streams']);
    await lab.end();
  });
});

describe('the connections of a server', () => {
  it('reach their age a tenth earlier or later, by chance', async () => {
    const ages: number[] = [];
    for (const chance of [0, 0.5, 1]) {
      const limits = { ...http2Limits, sweepMs: 10, connectionAgeMs: 300, connectionIdleMs: 0 };
      const set = new ConnectionSet({ limits, admission: undefined, random: () => chance });
      const listener = createServer();
      const started = performance.now();
      let hangUp = (): void => {};
      const connection: ServedConnection = {
        openCalls: 0,
        callsBegun: 0,
        awaitsPong: false,
        hungUp: new Promise((resolve) => {
          hangUp = () => resolve();
        }),
        sweep() {},
        checkAlive() {},
        retire: () => ages.push(performance.now() - started),
        drain: () => hangUp(),
        abandon() {},
        destroy() {},
      };
      set.add(connection);
      const server = set.serve(listener, 'nowhere');
      const before = ages.length;
      await eventually(
        () => ages.length > before,
        () => 'never too old',
      );
      await server.close(0);
    }
    const [early = 0, middle = 0, late = 0] = ages;
    // By the clock of the sweeps nothing comes too early; how late it comes is the machine's affair.
    assert.ok(early >= 268 && middle >= 298 && late >= 328, ages.join(' '));
    await pause(0);
  });
});
