import assert from 'node:assert/strict';
import { netHttp2Limits } from '../../../../src/transports/grpc/net-http2/net-http2-limits.ts';
import { ErrorCode } from '../../../../src/transports/grpc/net-http2/protocol.ts';
import { TokenBucket } from '../../../../src/transports/grpc/net-http2/token-bucket.ts';
import { eventually, Http2ServerUnderTest, pause } from '../../../support/http2-server-under-test.ts';
import {
  callHeaders,
  END_HEADERS,
  END_STREAM,
  FrameType,
  frame,
  goawayOf,
  grpcMessage,
  type Http2Wire,
  headerBlock,
  unaryCall,
} from '../../../support/http2-wire.ts';

const echo = callHeaders('/test.Echo/Echo');
const begin = (id: number, path = '/test.Echo/Echo') =>
  frame(FrameType.HEADERS, END_HEADERS, id, headerBlock(callHeaders(path)));
const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const isGoaway = ({ type }: { type: number }) => type === FrameType.GOAWAY;
const isReset = ({ type }: { type: number }) => type === FrameType.RST_STREAM;

/** Sends until the server has had enough. @returns the GOAWAY's code, and how often was sent */
async function flood(wire: Http2Wire, bytes: (round: number) => Buffer, rounds: number) {
  let sent = 0;
  while (sent < rounds && !wire.ended) await wire.push(bytes(sent++));
  const { code, text } = goawayOf(await wire.next(isGoaway, 2_000));
  await wire.hungUp(1_000);
  return { code, text, sent };
}

describe('the net-http2 server keeps its limits:', function () {
  this.timeout(20_000);
  let lab: Http2ServerUnderTest;

  afterEach(() => lab.end());

  const idle: Readonly<Record<string, (round: number) => Buffer>> = {
    settings: () => frame(FrameType.SETTINGS, 0, 0),
    'acknowledgements of settings': () => frame(FrameType.SETTINGS, 1, 0),
    'empty data': (round) => (round === 0 ? begin(1) : frame(FrameType.DATA, 0, 1)),
    priorities: () => frame(2, 0, 1, Buffer.alloc(5)),
    'frames of an unknown type': () => frame(77, 0, 0),
    'answers to pings that it did not send': () => frame(FrameType.PING, 1, 0, Buffer.alloc(8)),
    goaways: () => frame(FrameType.GOAWAY, 0, 0, Buffer.alloc(8)),
  };
  for (const [what, bytes] of Object.entries(idle)) {
    it(`${what} without end: a burst is taken, more ends the connection`, async () => {
      lab = await Http2ServerUnderTest.start('net-http2', {}, { idleFramesAtOnce: 500, idleFramesPerSecond: 10 });
      const wire = await lab.greet();
      for (let round = 0; round < 400; round++) wire.send(bytes(round));
      wire.send(unaryCall(3, '/test.Echo/Echo', Buffer.from('x')));
      await wire.next(({ type, stream }) => type === FrameType.DATA && stream === 3);
      const { code } = await flood(wire, (round) => bytes(round + 1), 1_000);
      assert.equal(code, ErrorCode.ENHANCE_YOUR_CALM);
      await lab.hasNoCalls();
    });
  }

  it('resets for faults count like resets by the client', async () => {
    lab = await Http2ServerUnderTest.start('net-http2', {}, { resetsAtOnce: 100, resetsPerSecond: 10 });
    const wire = await lab.greet();
    // What makes a server reset its streams while their methods run on.
    const call = (round: number) =>
      Buffer.concat([
        unaryCall(2 * round + 1, '/test.Echo/Wait', Buffer.from('5000')),
        frame(FrameType.WINDOW_UPDATE, 0, 2 * round + 1, uint32(0)),
      ]);
    const { code, sent } = await flood(wire, call, 10_000);
    assert.equal(code, ErrorCode.ENHANCE_YOUR_CALM);
    assert.equal(wire.frames.filter(isReset).length, 100);
    assert.ok(sent >= 100);
    await lab.hasNoCalls();
  });

  it('methods of calls that were reset count until they have ended: no more run than calls are allowed', async () => {
    let running = 0;
    let most = 0;
    const deaf = {
      path: '/test.Deaf/Deaf',
      // Hears of nothing, and takes its time.
      async handle() {
        most = Math.max(most, ++running);
        await pause(50);
        running--;
        return Buffer.alloc(0);
      },
    };
    lab = await Http2ServerUnderTest.start('net-http2', { maxConcurrentStreams: 10 }, {}, [deaf]);
    const wire = await lab.greet();
    for (let id = 1; id < 200; id += 2) {
      wire.send(unaryCall(id, '/test.Deaf/Deaf', Buffer.alloc(0)), frame(FrameType.RST_STREAM, 0, id, uint32(8)));
    }
    for (let id = 201; id < 221; id += 2) wire.send(unaryCall(id, '/test.Deaf/Deaf', Buffer.alloc(0)));
    await wire.next(({ type, flags, stream }) => type === FrameType.HEADERS && flags === 5 && stream === 219);
    assert.equal(most, 10);
    assert.equal(wire.frames.filter(isReset).length, 0);
    await lab.hasNoCalls();
  });

  it('requests of methods that run although their calls were reset count in memory until they have ended', async () => {
    let end = () => {};
    const ended = new Promise<Uint8Array>((resolve) => {
      end = () => resolve(Buffer.alloc(0));
    });
    let begun = 0;
    const deaf = {
      path: '/test.Deaf/Deaf',
      handle() {
        begun++;
        return ended;
      },
    };
    const limits = { streamWindow: 100_000, connectionWindow: 100_000, maxRequestBytes: 40_000 };
    lab = await Http2ServerUnderTest.start('net-http2', {}, limits, [deaf]);
    const wire = await lab.greet();
    const asked = () =>
      wire.frames.filter(({ type, stream }) => type === FrameType.WINDOW_UPDATE && stream === 0).length;
    // The window is opened once at the beginning.
    assert.equal(asked(), 1);
    for (let id = 1; id < 13; id += 2) {
      const before = begun;
      wire.send(unaryCall(id, '/test.Deaf/Deaf', Buffer.alloc(15_000)));
      // What is reset before it is looked at never begins.
      await eventually(
        () => begun === before + 1,
        () => `call ${id} does not begin`,
      );
      wire.send(frame(FrameType.RST_STREAM, 0, id, uint32(8)));
    }
    await pause(50);
    assert.equal(asked(), 1, 'what the methods hold was asked for again');
    end();
    await eventually(
      () => asked() === 2,
      () => 'nothing more is asked for',
    );
  });

  it('a request that is held does not hold what came with it', async () => {
    let held = 0;
    const measure = {
      path: '/test.Held/Held',
      async handle(message: Uint8Array) {
        held = message.buffer.byteLength;
        return message;
      },
    };
    lab = await Http2ServerUnderTest.start('net-http2', {}, {}, [measure]);
    const wire = await lab.greet();
    wire.send(
      frame(77, 0, 0, Buffer.alloc(16_384)),
      unaryCall(1, '/test.Held/Held', Buffer.from('x')),
      frame(77, 0, 0, Buffer.alloc(16_384)),
    );
    await wire.next(({ type, stream }) => type === FrameType.DATA && stream === 1);
    assert.ok(held <= Buffer.poolSize, `${held} bytes for one`);
  });

  it('a connection that breaks takes the calls along that it holds: their methods never begin', async () => {
    lab = await Http2ServerUnderTest.start('net-http2', {}, { maxUnsentBytes: 100_000 });
    for (const leave of [
      (wire: Http2Wire) => wire.destroy(),
      (wire: Http2Wire) => wire.send(frame(FrameType.PING, 0, 1, Buffer.alloc(8))),
      () => void lab.server.close(0),
    ]) {
      const wire = await lab.greet(Buffer.from([0, 4, 0, 0, 0, 0]));
      for (let id = 1; id < 60; id += 2) wire.send(unaryCall(id, '/test.Echo/Large', Buffer.from('60000')));
      await eventually(
        () => lab.server.openCalls() === 30,
        () => `${lab.server.openCalls()} calls`,
      );
      const { started } = lab.echo.counts;
      assert.ok(started > 0 && started < 10, `${started} methods began`);
      leave(wire);
      await lab.hasNoCalls();
      await pause(20);
      assert.equal(lab.echo.counts.started, started);
    }
  });

  it('more calls than are allowed are refused, so that the client may make them again', async () => {
    lab = await Http2ServerUnderTest.start('net-http2', { maxConcurrentStreams: 10 });
    const wire = await lab.greet();
    for (let id = 1; id <= 25; id += 2) wire.send(unaryCall(id, '/test.Echo/Wait', Buffer.from('100')));
    await wire.next(({ type, flags, stream }) => type === FrameType.HEADERS && flags === 5 && stream === 19);
    assert.deepEqual(
      wire.frames.filter(isReset).map(({ stream, payload }) => [stream, payload.readUInt32BE(0)]),
      [21, 23, 25].map((id) => [id, ErrorCode.REFUSED_STREAM]),
    );
    assert.equal(lab.echo.counts.started, 10);
    // What it sends on a refused stream before it knows is ignored.
    wire.send(frame(FrameType.DATA, 0, 21, Buffer.alloc(10)), frame(FrameType.HEADERS, 5, 23, headerBlock({ a: 'b' })));
    wire.send(unaryCall(27, '/test.Echo/Echo', Buffer.from('x')));
    await wire.next(({ type, stream }) => type === FrameType.DATA && stream === 27);
    assert.equal(wire.frames.filter(isReset).length, 3);
  });

  describe('a header block', () => {
    const block = headerBlock({ ...echo, padding: 'x'.repeat(60_000) });

    it('may come in thirty-two frames, and not in more', async () => {
      lab = await Http2ServerUnderTest.start('net-http2');
      const pieces = (count: number, id: number) => {
        const size = Math.ceil(block.length / count);
        return Buffer.concat(
          Array.from({ length: count }, (_, at) =>
            frame(
              at === 0 ? FrameType.HEADERS : FrameType.CONTINUATION,
              (at === 0 ? END_STREAM : 0) | (at === count - 1 ? END_HEADERS : 0),
              id,
              block.subarray(at * size, (at + 1) * size),
            ),
          ),
        );
      };
      assert.equal(netHttp2Limits.maxHeaderFrames, 32);
      const wire = await lab.greet();
      wire.send(pieces(32, 1));
      await wire.next(({ type, flags, stream }) => type === FrameType.HEADERS && flags === 5 && stream === 1);
      wire.send(pieces(33, 3));
      assert.equal(goawayOf(await wire.next(isGoaway)).code, ErrorCode.ENHANCE_YOUR_CALM);
    });

    it('of 131,072 bytes costs its call, a larger one the connection', async () => {
      lab = await Http2ServerUnderTest.start('net-http2');
      const block = Buffer.concat([headerBlock(echo), Buffer.alloc(netHttp2Limits.maxHeaderBlockBytes, 0x82)]);
      const send = (wire: Http2Wire, length: number) => {
        wire.send(frame(FrameType.HEADERS, 0, 1, block.subarray(0, 16_384)));
        for (let at = 16_384; at < length; at += 16_384) {
          const end = Math.min(at + 16_384, length);
          wire.send(frame(FrameType.CONTINUATION, end === length ? END_HEADERS : 0, 1, block.subarray(at, end)));
        }
      };
      const wire = await lab.greet();
      send(wire, 131_072);
      assert.equal((await wire.next(isReset)).payload.readUInt32BE(0), ErrorCode.ENHANCE_YOUR_CALM);
      wire.send(unaryCall(3, '/test.Echo/Echo', Buffer.from('x')));
      await wire.next(({ type, stream }) => type === FrameType.DATA && stream === 3);
      const other = await lab.greet();
      send(other, 131_073);
      assert.equal(goawayOf(await other.next(isGoaway)).code, ErrorCode.ENHANCE_YOUR_CALM);
    });

    it('in empty frames without end costs the connection', async () => {
      lab = await Http2ServerUnderTest.start('net-http2');
      const wire = await lab.greet();
      wire.send(frame(FrameType.HEADERS, 0, 1, headerBlock(echo)));
      const { sent } = await flood(wire, () => frame(FrameType.CONTINUATION, 0, 1), 1_000);
      assert.ok(sent >= 32);
    });

    it('of small indexes into a large table costs only its call', async () => {
      lab = await Http2ServerUnderTest.start('net-http2');
      const wire = await lab.greet();
      // One field of 4,000 bytes in the table, and 16,000 times its index: 64 MB of headers in 16 KB.
      const bomb = Buffer.concat([
        headerBlock(echo),
        Buffer.from([0x40, 12]),
        Buffer.from('grpc-timeout'),
        Buffer.from([0x7f, 0xa1, 0x1e]),
        Buffer.alloc(4_000, '1'),
        Buffer.alloc(12_000, 0xbe),
      ]);
      const before = process.memoryUsage().rss;
      wire.send(frame(FrameType.HEADERS, END_HEADERS, 1, bomb));
      const { payload } = await wire.next(isReset);
      assert.equal(payload.readUInt32BE(0), ErrorCode.ENHANCE_YOUR_CALM);
      assert.ok(process.memoryUsage().rss - before < 30 * 1024 * 1024);
      wire.send(unaryCall(3, '/test.Echo/Echo', Buffer.from('x')));
      await wire.next(({ type, stream }) => type === FrameType.DATA && stream === 3);
    });
  });

  it('settings that are not acknowledged end the connection after a while', async () => {
    lab = await Http2ServerUnderTest.start('net-http2', {}, { settingsTimeoutMs: 150, sweepMs: 20 });
    const mute = await lab.open();
    const polite = await lab.greet();
    const deaf = await lab.open();
    deaf.send(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(FrameType.SETTINGS, 0, 0));
    for (const wire of [mute, deaf]) {
      assert.equal(goawayOf(await wire.next(isGoaway, 1_000)).code, ErrorCode.SETTINGS_TIMEOUT);
      await wire.hungUp(1_000);
    }
    await pause(50);
    assert.equal(polite.ended, false);
  });

  describe('more data than a window allows', () => {
    const limits = { streamWindow: 10_000, connectionWindow: 65_535 + 5_000 };
    const data = (id: number, bytes: number) => frame(FrameType.DATA, 0, id, Buffer.alloc(bytes));

    it('of a stream resets the stream', async () => {
      lab = await Http2ServerUnderTest.start('net-http2', {}, { ...limits, streamWindow: 10_000 });
      const wire = await lab.greet();
      wire.send(begin(1), frame(FrameType.DATA, 0, 1, Buffer.from([0, 0, 1, 0, 0])), data(1, 4_995), data(1, 9_999));
      await wire.next(({ type, stream }) => type === FrameType.WINDOW_UPDATE && stream === 1);
      await pause(20);
      assert.equal(wire.frames.filter(isReset).length, 0);
      wire.send(data(1, 10_001));
      assert.equal((await wire.next(isReset)).payload.readUInt32BE(0), ErrorCode.FLOW_CONTROL_ERROR);
    });

    it('of the connection ends it', async () => {
      // Requests in memory are over their bound, so that no more is asked for.
      lab = await Http2ServerUnderTest.start('net-http2', {}, { ...limits, streamWindow: 100_000, maxRequestBytes: 0 });
      const wire = await lab.greet();
      wire.send(begin(1), frame(FrameType.DATA, 0, 1, Buffer.from([0, 0, 2, 0, 0])));
      for (let sent = 5; sent < 70_535; sent += 14_106) wire.send(data(1, 14_106));
      await pause(20);
      assert.equal(wire.frames.filter(isGoaway).length, 0);
      wire.send(data(1, 1));
      assert.equal(goawayOf(await wire.next(isGoaway)).code, ErrorCode.FLOW_CONTROL_ERROR);
    });
  });

  it('requests over their bound in memory: no more is asked for until some have been answered', async () => {
    const limits = { streamWindow: 200_000, connectionWindow: 200_000, maxRequestBytes: 250_000 };
    lab = await Http2ServerUnderTest.start('net-http2', {}, limits);
    const wire = await lab.greet();
    const asked = () =>
      wire.frames
        .filter(({ type, stream }) => type === FrameType.WINDOW_UPDATE && stream === 0)
        .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 65_535);
    let sent = 0;
    const part = Buffer.alloc(15_000);
    for (let id = 1; sent + part.length <= asked() && id < 100; id += 2) {
      wire.send(
        begin(id),
        frame(FrameType.DATA, 0, id, Buffer.concat([grpcMessage(Buffer.alloc(14_000)), part]).subarray(0, 15_000)),
      );
      sent += part.length;
      await pause(5);
    }
    // The bound, what may come unasked, and what came while it was asked for the last time.
    assert.ok(sent >= 250_000 && sent <= 250_000 + 2 * 200_000, `${sent}`);
    const before = asked();
    for (let id = 1; id < 60; id += 2) wire.send(frame(FrameType.RST_STREAM, 0, id, uint32(8)));
    await eventually(
      () => asked() > before,
      () => 'nothing more is asked for',
    );
    await lab.hasNoCalls();
  });

  it('what a client does not read of replies stops the reading of what it sends', async () => {
    lab = await Http2ServerUnderTest.start(
      'net-http2',
      {},
      { maxSocketBacklog: 16_384, maxReplyBacklog: 32_768, idleFramesAtOnce: 1e9 },
    );
    const wire = await lab.greet();
    wire.pause();
    const settings = Buffer.concat(Array<Buffer>(7_000).fill(frame(FrameType.SETTINGS, 0, 0)));
    const before = process.memoryUsage().rss;
    let pushed = 0;
    for (; pushed < 1_000; pushed++) {
      if ((await Promise.race([wire.push(settings).then(() => 'taken'), pause(300)])) === undefined) break;
    }
    assert.ok(pushed < 1_000, 'the server reads on for ever');
    assert.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024);
    await lab.serves(5_000);
    wire.resume();
    // It goes on where it stopped.
    wire.send(unaryCall(1, '/test.Echo/Echo', Buffer.from('x')));
    await wire.next(({ type, stream }) => type === FrameType.DATA && stream === 1, 10_000);
  });
});

describe('a bucket of tokens', () => {
  it('gives what is in it, and as many per second as are added', () => {
    const bucket = new TokenBucket(3, 10, 1_000);
    assert.deepEqual(
      [1_000, 1_000, 1_000, 1_000].map((now) => bucket.spent(now)),
      [false, false, false, true],
    );
    assert.equal(bucket.spent(1_050), true, 'half a token came, and one was owed');
    assert.equal(bucket.spent(1_400), false);
    const full = new TokenBucket(2, 1_000, 0);
    assert.deepEqual(
      [60_000, 60_000, 60_000].map((now) => full.spent(now)),
      [false, false, true],
      'it does not overflow',
    );
    assert.equal(full.spent(0), true, 'a clock that goes back adds nothing');
  });
});
