import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { Client, type ClientDuplexStream, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { SideboardError } from '../../../src/errors.ts';
import { CODE_TRAILER } from '../../../src/transports/grpc/grpc-status.ts';
import type { GrpcServer, GrpcServerOptions } from '../../../src/transports/grpc/service-table.ts';
import { grpcServers } from '../../../src/transports/grpc/start-grpc-server.ts';
import { createEchoService, type EchoService, patternOf } from '../../support/echo-service.ts';
import { http2Call, openSession, statusOf } from '../../support/http2-call.ts';
import { eventually, pause } from '../../support/http2-server-under-test.ts';
import { grpcMessage } from '../../support/http2-wire.ts';
import { createStreamService, type StreamService } from '../../support/stream-service.ts';

const MB = 1024 * 1024;
const bytes = (buffer: Buffer) => buffer;
const codeOf = (error: unknown) => (error instanceof SideboardError ? error.code : String(error));

/** A streaming call, and all that came back. */
class Streaming {
  readonly stream: ClientDuplexStream<Buffer, Buffer>;
  readonly answers: Buffer[] = [];
  readonly ended: Promise<{ readonly code: number; readonly details: string; readonly sideboardCode: unknown }>;
  isOver = false;

  constructor(client: Client, method: string, deadlineMs?: number) {
    const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
    this.stream = client.makeBidiStreamRequest(`/test.Stream/${method}`, bytes, bytes, options);
    this.stream.on('data', (answer: Buffer) => this.answers.push(answer));
    this.stream.on('error', () => {});
    this.ended = new Promise((resolve) => {
      this.stream.on('status', ({ code, details, metadata }: ServiceError) => {
        this.isOver = true;
        resolve({ code, details, sideboardCode: metadata.get(CODE_TRAILER)[0] });
      });
    });
  }

  get texts(): string[] {
    return this.answers.map(String);
  }

  write(...messages: readonly (string | Buffer)[]): void {
    for (const message of messages) this.stream.write(Buffer.from(message));
  }

  async answered(count: number): Promise<void> {
    await eventually(
      () => this.answers.length >= count,
      () => `${this.answers.length} answers`,
    );
  }
}

for (const [name, start] of Object.entries(grpcServers)) {
  describe(`a streaming call on the ${name} server`, () => {
    let echo: EchoService;
    let streams: StreamService;
    let server: GrpcServer;
    let client: Client;
    const calls: Streaming[] = [];

    const restart = async (options: Partial<GrpcServerOptions> = {}): Promise<void> => {
      client?.close();
      await server?.close(0);
      echo = createEchoService();
      streams = createStreamService();
      server = await start([...echo.methods, ...streams.methods], echo.options(options));
      client = new Client(server.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    };
    const open = (method: string, deadlineMs?: number): Streaming => {
      const call = new Streaming(client, method, deadlineMs);
      calls.push(call);
      return call;
    };
    const unary = (method: string, message: string): Promise<number> =>
      new Promise((resolve) => {
        client.makeUnaryRequest(`/test.Echo/${method}`, bytes, bytes, Buffer.from(message), (error) =>
          resolve(error?.code ?? status.OK),
        );
      });
    const nothingLeft = (): Promise<void> =>
      eventually(
        () => server.openCalls() === 0 && streams.counts.settled === streams.counts.begun,
        () => `${server.openCalls()} calls are open, ${streams.counts.begun - streams.counts.settled} methods run`,
      );

    beforeEach(() => restart());
    afterEach(async () => {
      for (const call of calls.splice(0)) call.stream.cancel();
      client.close();
      await server.close(0);
    });

    it('answers each message before the next one comes, and ends when the client does', async () => {
      const call = open('Repeat');
      for (const text of ['one', 'two', '', 'three']) {
        call.write(text);
        await call.answered(call.answers.length + 1);
      }
      assert.deepEqual(call.texts, ['one', 'two', '', 'three']);
      assert.equal(server.openCalls(), 1);
      call.stream.end();
      assert.equal((await call.ended).code, status.OK);
      assert.equal(streams.counts.complete, 1);
      await nothingLeft();
      assert.deepEqual(echo.failures, []);
    });

    it('ends without a message either way', async () => {
      const call = open('Repeat');
      call.stream.end();
      assert.equal((await call.ended).code, status.OK);
    });

    it('carries messages of every size in order, with unary calls on the same connection', async () => {
      const call = open('Repeat');
      const sent = Array.from({ length: 300 }, (_, i) => patternOf((i * 7919) % 50_000));
      call.write(...sent, patternOf(3 * MB));
      call.stream.end();
      for (let i = 0; i < 20; i++) assert.equal(await unary('Later', 'x'), status.OK);
      assert.equal((await call.ended).code, status.OK);
      assert.equal(call.answers.length, 301);
      assert.ok(Buffer.concat(call.answers).equals(Buffer.concat([...sent, patternOf(3 * MB)])));
      await nothingLeft();
    });

    it('keeps many calls apart', async () => {
      const open20 = Array.from({ length: 20 }, () => open('Repeat'));
      for (let i = 0; i < 50; i++) for (const [at, call] of open20.entries()) call.write(`${at}:${i}`);
      for (const call of open20) call.stream.end();
      for (const [at, call] of open20.entries()) {
        assert.equal((await call.ended).code, status.OK);
        assert.deepEqual(
          call.texts,
          Array.from({ length: 50 }, (_, i) => `${at}:${i}`),
        );
      }
    });

    it('has no deadline of its own, and keeps one that the client sets', async () => {
      await restart({ defaultDeadlineMs: 50, maxDeadlineMs: 50 });
      const call = open('Repeat');
      const late = open('Held', 300);
      call.write('a');
      await pause(1_100);
      call.write('b');
      await call.answered(2);
      call.stream.end();
      assert.equal((await call.ended).code, status.OK);
      assert.equal((await late.ended).code, status.DEADLINE_EXCEEDED);
      await nothingLeft();
      assert.equal(streams.counts.aborted, 1);
    });

    it('ends when its client keeps it waiting, and not while messages come', async () => {
      await restart({ streamIdleMs: 700 });
      const call = open('Repeat');
      const started = Date.now();
      for (let i = 0; i < 5; i++) {
        call.write('x');
        await pause(250);
      }
      assert.equal(call.isOver, false);
      const { code, sideboardCode } = await call.ended;
      assert.deepEqual([code, sideboardCode], [status.DEADLINE_EXCEEDED, 'STREAM_IDLE']);
      assert.ok(Date.now() - started > 1_900);
      await nothingLeft();
    });

    it('is told of a failure behind the answers before it, with the code as a trailer', async () => {
      const call = open('Picky');
      call.write('yes', 'yes', 'no', 'more', 'more');
      assert.deepEqual(await call.ended, {
        code: status.NOT_FOUND,
        details: 'There is no "ü". Known: none.',
        sideboardCode: 'UNKNOWN_THING',
      });
      assert.deepEqual(call.texts, ['yes', 'yes']);
      assert.equal(codeOf(echo.failures[0]?.error), 'UNKNOWN_THING');
      assert.equal(echo.failures[0]?.path, '/test.Stream/Picky');
      await nothingLeft();
      assert.equal(await unary('Echo', 'x'), status.OK);
    });

    it('is told of a failure without any answer, and nothing of what was not foreseen', async () => {
      const call = open('Break');
      const { code, details } = await call.ended;
      assert.equal(code, status.INTERNAL);
      assert.ok(!details.includes('hunter2'));
      assert.match(String(echo.failures[0]?.error), /hunter2/);
      await nothingLeft();
    });

    it('may be ended by the method while the client still sends', async () => {
      const call = open('First');
      call.write('a', 'b', patternOf(MB));
      assert.equal((await call.ended).code, status.OK);
      assert.deepEqual(call.texts, ['a']);
      await nothingLeft();
      assert.equal(await unary('Echo', 'x'), status.OK);
    });

    it('tells the method when the client cancels, and gives it no more messages', async () => {
      const call = open('Held');
      call.write('a', 'b', 'c');
      streams.allow(1);
      await call.answered(1);
      call.stream.cancel();
      await nothingLeft();
      const { aborted, taken, complete } = streams.counts;
      assert.deepEqual({ aborted, taken, complete }, { aborted: 1, taken: 1, complete: 0 });
      assert.deepEqual(echo.failures, []);
    });

    it('tells the method when the connection breaks', async () => {
      const call = open('Held');
      call.write('a');
      streams.allow(1);
      await call.answered(1);
      client.close();
      call.stream.cancel();
      await nothingLeft();
      assert.equal(streams.counts.aborted, 1);
    });

    it('refuses a message over the limit, behind the answers before it', async () => {
      await restart({ maxMessageBytes: 1_000 });
      const call = open('Repeat');
      call.write('a');
      await call.answered(1);
      call.write(patternOf(1_001));
      assert.equal((await call.ended).code, status.RESOURCE_EXHAUSTED);
      assert.deepEqual(call.texts, ['a']);
      await nothingLeft();
      assert.equal(await unary('Echo', 'x'), status.OK);
    });

    it('takes messages apart however they are cut into frames, compressed or not', async () => {
      const session = openSession(server.address);
      const sent = ['one', 'two', '', 'three'].map((text) => Buffer.from(text));
      const plain = Buffer.concat(sent.map((message) => grpcMessage(message)));
      const zipped = Buffer.concat(sent.map((message) => grpcMessage(gzipSync(message), 1)));
      for (const frames of [
        [plain],
        [...plain].map((byte) => Buffer.from([byte])),
        [plain.subarray(0, 9), plain.subarray(9)],
      ]) {
        const answer = await http2Call(session, '/test.Stream/Repeat', { frames });
        assert.equal(statusOf(answer), 0);
        assert.ok(answer.body.equals(plain));
      }
      const answer = await http2Call(session, '/test.Stream/Repeat', {
        headers: { 'grpc-encoding': 'gzip' },
        frames: [zipped],
      });
      assert.equal(statusOf(answer), 0);
      assert.ok(answer.body.equals(plain));
      session.destroy();
    });

    it('lets others in between while a method goes through many messages without waiting', async () => {
      const call = open('Busy');
      call.write(...Array.from({ length: 2_000 }, () => 'x'));
      await eventually(
        () => streams.counts.taken > 0,
        () => 'not begun',
      );
      assert.equal(await unary('Echo', 'x'), status.OK);
      assert.ok(streams.counts.taken < 1_500, `${streams.counts.taken} messages came first`);
      call.stream.cancel();
      await nothingLeft();
      assert.ok(streams.counts.taken < 1_900, `${streams.counts.taken} messages were taken`);
    });

    it('takes no more of a client that is faster than the method', async function () {
      this.timeout(20_000);
      const call = open('Held');
      const message = patternOf(64 * 1024);
      let written = 0;
      let stopped = false;
      const writing = (async () => {
        while (!stopped) {
          // The callback comes when the client's own flow control has let the message through.
          await new Promise<void>((resolve) => call.stream.write(message, () => resolve()));
          written++;
        }
      })();
      let seen = -1;
      while (seen < written) {
        seen = written;
        await pause(300);
      }
      // grpc-js reads sixteen messages ahead; the windows of both sides hold some more.
      assert.ok(seen < 60, `${seen} messages of 64 KiB were let through`);
      assert.equal(streams.counts.taken, 0);
      assert.equal(await unary('Echo', 'x'), status.OK, 'other calls of the connection go on');
      streams.allow(seen + 100);
      await eventually(
        () => written >= seen + 60,
        () => `stuck at ${written}`,
      );
      stopped = true;
      streams.allow(100_000);
      await writing;
      call.stream.end();
      assert.equal((await call.ended).code, status.OK);
      assert.equal(streams.counts.taken, written);
    });

    it('sends nothing more to a client that takes no answers, and ends when that lasts', async () => {
      await restart({ streamIdleMs: 700 });
      const call = open('Large');
      call.stream.pause();
      call.write(...Array.from({ length: 20 }, () => String(3 * MB)));
      await eventually(
        () => streams.counts.taken === 20,
        () => `${streams.counts.taken} messages were taken`,
      );
      await eventually(
        () => echo.failures.length > 0,
        () => 'no end',
        10_000,
      );
      assert.equal(codeOf(echo.failures[0]?.error), 'STREAM_IDLE');
      assert.equal(streams.counts.aborted, 1);
      assert.equal(await unary('Echo', 'x'), status.OK);
    });

    describe('when the server closes', () => {
      it('has what was taken answered, then ends with UNAVAILABLE', async () => {
        const call = open('Held');
        call.write('a', 'b', 'c', 'd');
        streams.allow(2);
        await call.answered(2);
        const closing = server.close(5_000);
        await pause(100);
        assert.equal(call.isOver, false);
        streams.allow(1);
        const { code, sideboardCode } = await call.ended;
        assert.deepEqual([code, sideboardCode], [status.UNAVAILABLE, 'SHUTTING_DOWN']);
        assert.ok(call.answers.length === 2 || call.answers.length === 3);
        assert.equal(streams.counts.taken, call.answers.length, 'what was taken was answered');
        await closing;
        assert.equal(streams.counts.aborted, 0);
      });

      it('ends at once where it only waits for its client', async () => {
        const call = open('Repeat');
        call.write('a');
        await call.answered(1);
        const started = Date.now();
        const closing = server.close(10_000);
        assert.equal((await call.ended).code, status.UNAVAILABLE);
        await closing;
        assert.ok(Date.now() - started < 4_000, `${Date.now() - started} ms`);
      });

      it('is ended when the grace is over', async () => {
        const call = open('Held');
        call.write('a');
        await eventually(
          () => streams.counts.begun === 1,
          () => 'not begun',
        );
        await server.close(100);
        assert.equal((await call.ended).code, status.UNAVAILABLE);
        assert.equal(streams.counts.aborted, 1);
      });
    });
  });
}
