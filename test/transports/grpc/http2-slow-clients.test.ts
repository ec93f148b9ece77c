import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { http2Call, openSession, statusOf } from '../../support/http2-call.ts';
import { eventually, Http2ServerUnderTest, http2Servers, pause } from '../../support/http2-server-under-test.ts';
import {
  callHeaders,
  END_HEADERS,
  END_STREAM,
  FrameType,
  frame,
  grpcMessage,
  headerBlock,
  unaryCall,
} from '../../support/http2-wire.ts';

const MB = 1024 * 1024;
/** Some bytes before each answer may count or not. */
const PREFIXES = 100;
const whole = grpcMessage(Buffer.from('x'));

const openFiles = () => readdirSync('/proc/self/fd').length;

for (const kind of http2Servers) {
  describe(`the ${kind} server among clients`, () => {
    let lab: Http2ServerUnderTest;

    afterEach(() => lab.end());

    describe('that do not take their answers', () => {
      const noWindow = Buffer.from([0, 4, 0, 0, 0, 0]);

      it('with a window of zero: methods wait once a bound is reached, others are served', async () => {
        lab = await Http2ServerUnderTest.start(kind, {}, { maxUnsentBytes: 10 * MB + PREFIXES });
        const wire = await lab.greet(noWindow);
        for (let i = 0; i < 60; i++) wire.send(unaryCall(2 * i + 1, '/test.Echo/Large', Buffer.from(String(MB))));
        await pause(300);
        assert.equal(lab.server.openCalls(), 60);
        assert.equal(lab.echo.counts.started, 11);
        await lab.serves();
      });

      it('but reset their calls: what was not taken is forgotten, and the next methods run', async () => {
        lab = await Http2ServerUnderTest.start(kind, {}, { maxUnsentBytes: 3 * MB });
        const wire = await lab.greet(noWindow);
        const cancel = Buffer.from([0, 0, 0, 8]);
        for (let id = 1; id < 60; id += 2) {
          wire.send(unaryCall(id, '/test.Echo/Large', Buffer.from(String(MB))));
          await eventually(
            () => lab.echo.counts.started === (id + 1) / 2,
            () => `${lab.echo.counts.started} methods have begun`,
          );
          wire.send(frame(FrameType.RST_STREAM, 0, id, cancel));
        }
        await lab.hasNoCalls();
      });

      it('slowly: every answer arrives, in turn', async () => {
        lab = await Http2ServerUnderTest.start(kind, {}, { maxUnsentBytes: 2 * MB });
        const session = openSession(lab.server.address);
        const calls = Array.from({ length: 40 }, () =>
          http2Call(session, '/test.Echo/Large', { frames: [grpcMessage(Buffer.from(String(MB)))] }),
        );
        for (const answer of await Promise.all(calls)) {
          assert.equal(statusOf(answer), 0);
          assert.equal(answer.body.length, MB + 5);
        }
        session.destroy();
        await lab.hasNoCalls();
      });

      it('nor ever reset them: calls end some time after their deadline', async () => {
        lab = await Http2ServerUnderTest.start(
          kind,
          { defaultDeadlineMs: 1_000 },
          { sweepMs: 50, stalledAnswerMs: 200, maxUnsentBytes: 3 * MB + PREFIXES },
        );
        const wire = await lab.greet(noWindow);
        for (let i = 0; i < 20; i++) wire.send(unaryCall(2 * i + 1, '/test.Echo/Large', Buffer.from(String(MB))));
        await eventually(
          () => lab.server.openCalls() === 20 && lab.echo.counts.started === 4,
          () => `${lab.server.openCalls()} calls are open, ${lab.echo.counts.started} methods have begun`,
        );
        await lab.hasNoCalls();
        assert.equal(lab.echo.counts.started, 4, 'methods whose deadline has passed do not run');
      });

      it('nor read from the connection at all: it is cut off when it does not answer a ping', async () => {
        lab = await Http2ServerUnderTest.start(
          kind,
          { defaultDeadlineMs: 100 },
          { keepaliveMs: 300, sweepMs: 50, stalledAnswerMs: 100 },
        );
        const wire = await lab.greet(Buffer.from([0, 4, 0x7f, 255, 255, 255]));
        wire.send(frame(FrameType.WINDOW_UPDATE, 0, 0, Buffer.from([0x7f, 0, 0, 0])));
        wire.pause();
        for (let i = 0; i < 30; i++) wire.send(unaryCall(2 * i + 1, '/test.Echo/Large', Buffer.from(String(MB))));
        await lab.hasNoCalls();
        await pause(700);
        const before = openFiles();
        wire.destroy();
        await pause(50);
        assert.ok(openFiles() <= before - 1, 'only our own end was open');
        await lab.serves();
      });
    });

    describe('that fall silent', () => {
      it('in the middle of a request: the call ends at its deadline', async () => {
        lab = await Http2ServerUnderTest.start(kind, { defaultDeadlineMs: 100 }, { sweepMs: 50 });
        const wire = await lab.greet();
        wire.send(frame(FrameType.HEADERS, END_HEADERS, 1, headerBlock(callHeaders('/test.Echo/Echo'))));
        wire.send(frame(FrameType.DATA, 0, 1, whole.subarray(0, 4)));
        await wire.next(({ type, flags }) => type === FrameType.HEADERS && flags === (END_HEADERS | END_STREAM), 1_000);
        await lab.hasNoCalls();
        assert.equal((lab.echo.failures[0]?.error as { code?: string } | undefined)?.code, 'DEADLINE_EXCEEDED');
      });

      it('and do not answer a ping: the connection is cut off', async () => {
        lab = await Http2ServerUnderTest.start(kind, {}, { keepaliveMs: 100 });
        const wire = await lab.greet();
        await wire.next(({ type, flags }) => type === FrameType.PING && flags === 0);
        await wire.hungUp(1_000);
      });

      it('and answer pings: the connection stays', async () => {
        lab = await Http2ServerUnderTest.start(kind, {}, { keepaliveMs: 50 });
        const session = openSession(lab.server.address);
        await pause(400);
        assert.equal(statusOf(await http2Call(session, '/test.Echo/Echo', { frames: [whole] })), 0);
        session.destroy();
      });

      it('before the first byte: the connection is cut off', async () => {
        lab = await Http2ServerUnderTest.start(kind, {}, { keepaliveMs: 100 });
        const wire = await lab.open();
        await wire.hungUp(1_000);
      });
    });
  });
}
