import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { constants } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { http2Limits } from '../../../src/transports/grpc/http2-limits.ts';
import { netHttp2Limits } from '../../../src/transports/grpc/net-http2/net-http2-limits.ts';
import { heapAfterGc } from '../../support/heap-after-gc.ts';
import { http2Call, openSession, statusOf } from '../../support/http2-call.ts';
import { eventually, Http2ServerUnderTest, http2Servers, pause } from '../../support/http2-server-under-test.ts';
import {
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

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM } = constants;
const MB = 1024 * 1024;
const ping = frame(FrameType.PING, 0, 0, Buffer.alloc(8));
const whole = grpcMessage(Buffer.from('x'));

const openFiles = () => readdirSync('/proc/self/fd').length;

for (const kind of http2Servers) {
  describe(`the ${kind} server among hostile clients`, function () {
    this.timeout(30_000);

    let lab: Http2ServerUnderTest;

    afterEach(() => lab.end());

    describe('that reset their calls', () => {
      const phases = {
        'before the request is complete': async (wire: Http2Wire) => {
          wire.send(frame(FrameType.HEADERS, END_HEADERS, 1, headerBlock(callHeaders('/test.Echo/Wait'))));
          await pause(20);
          wire.send(frame(FrameType.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, NGHTTP2_CANCEL])));
        },
        'in the same moment': async (wire: Http2Wire) => {
          const reset = frame(FrameType.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, NGHTTP2_CANCEL]));
          wire.send(unaryCall(1, '/test.Echo/Wait', Buffer.from('200')), reset);
        },
        'while the method runs': async (wire: Http2Wire) => {
          wire.send(unaryCall(1, '/test.Echo/Wait', Buffer.from('200')));
          await pause(50);
          wire.send(frame(FrameType.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, NGHTTP2_CANCEL])));
        },
        'with an error code': async (wire: Http2Wire) => {
          wire.send(unaryCall(1, '/test.Echo/Wait', Buffer.from('200')));
          await pause(50);
          wire.send(frame(FrameType.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, constants.NGHTTP2_INTERNAL_ERROR])));
        },
        'by hanging up': async (wire: Http2Wire) => {
          wire.send(unaryCall(1, '/test.Echo/Wait', Buffer.from('200')));
          await pause(50);
          wire.destroy();
        },
        'after the answer': async (wire: Http2Wire) => {
          wire.send(unaryCall(1, '/test.Echo/Echo', Buffer.from('200')));
          await wire.next(({ type }) => type === FrameType.DATA);
          wire.send(frame(FrameType.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, NGHTTP2_CANCEL])));
        },
      };
      for (const [when, reset] of Object.entries(phases)) {
        it(`${when}: the call is over at once, its method hears of it, nobody is told of a failure`, async () => {
          lab = await Http2ServerUnderTest.start(kind);
          const wire = await lab.greet();
          await reset(wire);
          await eventually(
            () => lab.server.openCalls() === 0,
            () => 'the call is still open',
            150,
          );
          const running = lab.echo.counts.started - lab.echo.counts.finished;
          await eventually(
            () => lab.echo.counts.aborted === running,
            () => `${running} running, ${lab.echo.counts.aborted} aborted`,
            100,
          );
          await pause(200);
          assert.deepEqual(lab.echo.failures, []);
          await lab.serves();
        });
      }

      it('ten thousand times in a row cost others nothing, and leave nothing behind', async () => {
        lab = await Http2ServerUnderTest.start(kind);
        const wire = await lab.greet();
        const steady = pause(300).then(() => lab.serves());
        for (let at = 0; at < 10_000 && !wire.ended; at += 100) {
          const calls: Buffer[] = [];
          for (let i = at; i < at + 100; i++) {
            calls.push(
              unaryCall(2 * i + 1, '/test.Echo/Wait', Buffer.from('100')),
              frame(FrameType.RST_STREAM, 0, 2 * i + 1, Buffer.from([0, 0, 0, NGHTTP2_CANCEL])),
            );
          }
          await wire.push(Buffer.concat(calls));
        }
        await steady;
        const { code } = goawayOf(await wire.next(({ type }) => type === FrameType.GOAWAY));
        assert.notEqual(code, 0, 'more resets than allowed end the connection');
        await lab.hasNoCalls();
        await lab.serves();
      });
    });

    describe('that flood it', () => {
      it('with pings: they hear too_many_pings and are disconnected', async () => {
        lab = await Http2ServerUnderTest.start(kind);
        const wire = await lab.greet();
        for (let i = 0; i < 200 && !wire.ended; i++) {
          await wire.push(Buffer.concat(Array<Buffer>(50).fill(ping)));
        }
        const { code, text } = goawayOf(await wire.next(({ type }) => type === FrameType.GOAWAY));
        assert.equal(code, NGHTTP2_ENHANCE_YOUR_CALM);
        assert.equal(text, 'too_many_pings');
        await wire.hungUp();
        await lab.serves();
      });

      it('with pings around calls: they are served, as clients do that to measure bandwidth', async () => {
        lab = await Http2ServerUnderTest.start(kind);
        const wire = await lab.greet();
        for (let i = 0; i < 50; i++) {
          wire.send(unaryCall(2 * i + 1, '/test.Echo/Echo', Buffer.from('x')), ping, ping);
          await wire.next(
            ({ type, flags, stream }) => type === FrameType.HEADERS && flags === 5 && stream === 2 * i + 1,
          );
          wire.send(ping);
        }
        await pause(50);
        assert.equal(wire.frames.filter(({ type }) => type === FrameType.GOAWAY).length, 0);
        assert.equal(wire.ended, false);
      });

      it('with pings while one long answer arrives: it arrives whole', async () => {
        lab = await Http2ServerUnderTest.start(kind);
        const wire = await lab.greet();
        const size = 8 * MB;
        wire.send(unaryCall(1, '/test.Echo/Large', Buffer.from(String(size))));
        let taken = 0;
        while (taken < size + 5) {
          const received = () =>
            wire.frames.reduce((sum, { type, payload }) => sum + (type === FrameType.DATA ? payload.length : 0), 0);
          await eventually(
            () => received() > taken,
            () => `stuck at ${taken}: ${wire.describe().slice(-200)}`,
          );
          const more = Buffer.alloc(4);
          more.writeUInt32BE(received() - taken);
          taken = received();
          wire.send(ping, frame(FrameType.WINDOW_UPDATE, 0, 0, more), frame(FrameType.WINDOW_UPDATE, 0, 1, more));
        }
        await wire.next(({ type, flags, stream }) => type === FrameType.HEADERS && flags === 5 && stream === 1);
      });

      it('with settings: others are served', async () => {
        lab = await Http2ServerUnderTest.start(kind);
        const wire = await lab.greet();
        wire.pause();
        const settings = Buffer.concat(Array<Buffer>(500).fill(frame(FrameType.SETTINGS, 0, 0)));
        for (let i = 0; i < 40 && !wire.ended; i++) await Promise.race([wire.push(settings), pause(200)]);
        await lab.serves();
      });

      it('with continuations: the connection ends, and memory with it', async () => {
        lab = await Http2ServerUnderTest.start(kind);
        const wire = await lab.greet();
        const before = process.memoryUsage().rss;
        wire.send(frame(FrameType.HEADERS, 0, 1, headerBlock(callHeaders('/test.Echo/Echo'))));
        const more = frame(FrameType.CONTINUATION, 0, 1, headerBlock({ a: 'x'.repeat(16_000) }));
        for (let i = 0; i < 2_000 && !wire.ended; i++) await wire.push(more);
        await wire.hungUp();
        assert.ok(process.memoryUsage().rss - before < 50 * MB);
        await lab.serves();
      });

      it('with bytes that are not HTTP/2: they are disconnected', async () => {
        lab = await Http2ServerUnderTest.start(kind);
        for (const bytes of [
          'GET / HTTP/1.1\r\nhost: x\r\n\r\n',
          '\0'.repeat(1000),
          'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n',
        ]) {
          const wire = await lab.open();
          wire.send(Buffer.from(bytes));
          await wire.hungUp();
        }
        await lab.serves();
      });

      it('with frames that break the protocol: they are disconnected, or their calls reset', async () => {
        lab = await Http2ServerUnderTest.start(kind);
        const breaks: Readonly<Record<string, Buffer>> = {
          'data of no stream': frame(FrameType.DATA, END_STREAM, 1, whole),
          'an even stream': unaryCall(2, '/test.Echo/Echo', Buffer.from('x')),
          'a frame over the size': frame(FrameType.PING, 0, 0, Buffer.alloc(70_000)),
          'an uppercase header': frame(
            FrameType.HEADERS,
            END_HEADERS | END_STREAM,
            1,
            headerBlock({ ...callHeaders('/test.Echo/Echo'), Upper: 'x' }),
          ),
          'a header block that cannot be read': frame(FrameType.HEADERS, END_HEADERS, 1, Buffer.alloc(100, 0xff)),
          'a window that overflows': frame(FrameType.WINDOW_UPDATE, 0, 0, Buffer.from([0x7f, 255, 255, 255])),
        };
        for (const [what, bytes] of Object.entries(breaks)) {
          const wire = await lab.greet();
          wire.send(bytes, what === 'a window that overflows' ? bytes : Buffer.alloc(0));
          await wire
            .next(({ type }) => type === FrameType.GOAWAY || type === FrameType.RST_STREAM)
            .catch((error) => {
              throw new Error(`${what}: ${error.message}`);
            });
        }
        await lab.hasNoCalls();
        await lab.serves();
      });
    });

    describe('that send large headers', () => {
      const call = (bytes: number, inParts = 1) => ({
        headers: Object.fromEntries(
          Array.from({ length: inParts }, (_, i) => [`x-part-${i}`, 'v'.repeat(Math.floor(bytes / inParts))]),
        ),
        frames: [whole],
      });

      it('of 60,000 bytes: they are served', async () => {
        lab = await Http2ServerUnderTest.start(kind);
        const session = openSession(lab.server.address);
        assert.equal(statusOf(await http2Call(session, '/test.Echo/Echo', call(60_000))), 0);
        assert.equal(statusOf(await http2Call(session, '/test.Echo/Echo', call(60_000, 30))), 0);
        session.destroy();
      });

      it('over the limit, in fields that it can read: only that call is reset', async () => {
        lab = await Http2ServerUnderTest.start(kind);
        const session = openSession(lab.server.address);
        // The limit holds once the client has acknowledged it.
        await http2Call(session, '/test.Echo/Echo', { frames: [whole] });
        const neighbour = http2Call(session, '/test.Echo/Wait', { frames: [grpcMessage(Buffer.from('500'))] });
        for (let i = 0; i < 150; i++) {
          const refused = await http2Call(
            session,
            '/test.Echo/Echo',
            call(i % 2 === 0 ? 100_000 : 66_000, i % 2 === 0 ? 20 : 1),
          );
          assert.equal(refused.resetCode, NGHTTP2_ENHANCE_YOUR_CALM);
        }
        assert.equal(statusOf(await neighbour), 0);
        session.destroy();
      });

      it('are told the limit beforehand', async () => {
        lab = await Http2ServerUnderTest.start(kind);
        const session = openSession(lab.server.address);
        await http2Call(session, '/test.Echo/Echo', { frames: [whole] });
        assert.equal(session.remoteSettings.maxHeaderListSize, http2Limits.maxHeaderBytes);
        session.destroy();
      });

      it(`in one field of 100,000 bytes: ${kind === 'net-http2' ? 'the call' : 'the connection'} ends, others are served`, async () => {
        lab = await Http2ServerUnderTest.start(kind);
        const session = openSession(lab.server.address);
        const large = http2Call(session, '/test.Echo/Echo', call(100_000));
        if (kind === 'net-http2') assert.equal((await large).resetCode, NGHTTP2_ENHANCE_YOUR_CALM);
        else await assert.rejects(large);
        session.destroy();
        await lab.serves();
      });
    });

    describe('that are many', () => {
      it('a thousand idle connections: others are served, and all are given back', async () => {
        lab = await Http2ServerUnderTest.start(kind);
        const files = openFiles();
        const idle = await Promise.all(Array.from({ length: 1_000 }, () => Http2Wire.greet(lab.server.address)));
        await lab.serves();
        for (const wire of idle) wire.destroy();
        await eventually(
          () => openFiles() <= files + 2,
          () => `${openFiles()} files are open, ${files} were before`,
        );
      });

      it('one after the other, most hanging up in the middle: nothing stays', async () => {
        lab = await Http2ServerUnderTest.start(kind);
        const round = async (count: number) => {
          for (let i = 0; i < count; i += 20) {
            const some = await Promise.all(Array.from({ length: 20 }, () => Http2Wire.greet(lab.server.address)));
            for (const [at, wire] of some.entries()) {
              wire.send(unaryCall(1, at % 2 === 0 ? '/test.Echo/Wait' : '/test.Echo/Echo', Buffer.from('30')));
            }
            await pause(2);
            for (const wire of some) wire.destroy();
          }
          await lab.hasNoCalls();
        };
        await round(600);
        const files = openFiles();
        const before = heapAfterGc();
        await round(2_000);
        await eventually(
          () => openFiles() <= files + 2,
          () => `${openFiles()} files are open, ${files} were before`,
        );
        // What the last connections held is let go some turns after they have closed.
        await eventually(
          () => heapAfterGc() - before < MB,
          () => `${heapAfterGc() - before} bytes more`,
        );
      });
    });

    it('a message that unpacks to 250 MB costs little more than the limit', async () => {
      lab = await Http2ServerUnderTest.start(kind);
      const bomb = gzipSync(Buffer.alloc(250 * MB));
      const before = process.memoryUsage().rss;
      const session = openSession(lab.server.address);
      const calls = Array.from({ length: 4 }, () =>
        http2Call(session, '/test.Echo/Echo', {
          headers: { 'grpc-encoding': 'gzip' },
          frames: [grpcMessage(bomb, 1)],
        }),
      );
      for (const answer of await Promise.all(calls)) assert.equal(statusOf(answer), 8);
      assert.ok(process.memoryUsage().rss - before < 80 * MB);
      session.destroy();
    });

    it('a message sent byte by byte costs its size', async () => {
      // A million frames take their time on a busy machine.
      lab = await Http2ServerUnderTest.start(kind, { defaultDeadlineMs: 60_000 });
      const wire = await lab.greet();
      const size = 1_000_000;
      wire.send(frame(FrameType.HEADERS, END_HEADERS, 1, headerBlock(callHeaders('/test.Echo/Echo'))));
      const message = grpcMessage(Buffer.alloc(size, 'b'));
      const before = heapAfterGc();
      // With room for the next lot.
      const unasked = (kind === 'net-http2' ? netHttp2Limits.streamWindow : 65_535) - 25_000;
      let sent = 0;
      while (sent < message.length - 10) {
        const some: Buffer[] = [];
        for (let i = 0; i < 20_000 && sent < message.length - 10; i++, sent++) {
          some.push(frame(FrameType.DATA, 0, 1, message.subarray(sent, sent + 1)));
        }
        const mine = Buffer.concat(some);
        await wire.push(mine);
        await pause(5);
        const credit = () =>
          wire.frames
            .filter(({ type, stream }) => type === FrameType.WINDOW_UPDATE && stream === 1)
            .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
        await eventually(
          () => credit() + unasked >= sent,
          () => `stuck at ${sent}: ${credit()}`,
        );
      }
      const more = heapAfterGc() - before;
      wire.send(frame(FrameType.DATA, END_STREAM, 1, message.subarray(sent)));
      await wire.next(({ type }) => type === FrameType.DATA);
      // A buffer kept per frame would take a hundred times the size; what else the process allocates meanwhile is a few.
      assert.ok(more < 20 * size, `${more} bytes for ${size}`);
    });
  });
}
