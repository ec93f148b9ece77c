import assert from 'node:assert/strict';
import type { ClientHttp2Session } from 'node:http2';
import type { Caller } from '../../../src/registry/access/caller.ts';
import { CallAdmission } from '../../../src/transports/grpc/call-admission.ts';
import type { GrpcServer, GrpcServerOptions, ServiceTable } from '../../../src/transports/grpc/service-table.ts';
import { grpcServers, startGrpcServer } from '../../../src/transports/grpc/start-grpc-server.ts';
import { createEchoService, type EchoService } from '../../support/echo-service.ts';
import { type Http2Answer, http2Call, openSession, statusOf } from '../../support/http2-call.ts';
import { eventually } from '../../support/http2-server-under-test.ts';
import { FrameType, grpcMessage, Http2Wire, unaryCall } from '../../support/http2-wire.ts';

const RESOURCE_EXHAUSTED = 8;
const CHECK = '/grpc.health.v1.Health/Check';

for (const kind of Object.keys(grpcServers) as (keyof typeof grpcServers)[]) {
  describe(`the ${kind} server with more calls than it should have under way`, function () {
    this.timeout(30_000);

    let echo: EchoService;
    let server: GrpcServer;
    let session: ClientHttp2Session;
    let finish: (() => void)[] = [];

    async function start(options: Partial<GrpcServerOptions>): Promise<void> {
      echo = createEchoService();
      const more: ServiceTable = [
        { path: CHECK, handle: (message) => message },
        // Goes on until it is told to end, whoever still waits for it.
        { path: '/test.Echo/Hold', handle: (message) => new Promise((end) => finish.push(() => end(message))) },
      ];
      server = await startGrpcServer(kind, [...echo.methods, ...more], echo.options(options));
      session = openSession(server.address);
    }

    afterEach(async () => {
      session.destroy();
      for (const end of finish) end();
      finish = [];
      await server.close(100);
    });

    const call = (path: string): Promise<Http2Answer> =>
      http2Call(session, path, { frames: [grpcMessage(Buffer.from('x'))] });
    const running = (count: number): Promise<void> =>
      eventually(
        () => server.runningCalls() === count,
        () => `${server.runningCalls()} run`,
      );
    const codeOf = ({ headers, trailers }: Http2Answer): unknown =>
      headers['sideboard-code'] ?? trailers['sideboard-code'];

    it('turns another one away at once, but not a question for its health', async () => {
      await start({ admission: { maxInFlight: 2, maxQueueAgeMs: 60_000 } });
      const held = [call('/test.Echo/Hold'), call('/test.Echo/Hold')];
      await running(2);
      const refused = await call('/test.Echo/Echo');
      assert.equal(statusOf(refused), RESOURCE_EXHAUSTED);
      assert.equal(codeOf(refused), 'TOO_MANY_CALLS');
      assert.deepEqual(
        echo.failures.map(({ error, path }) => [(error as { code?: string }).code, path]),
        [['TOO_MANY_CALLS', '/test.Echo/Echo']],
      );
      assert.equal(statusOf(await call(CHECK)), 0);
      for (const end of finish.splice(0)) end();
      for (const answer of await Promise.all(held)) assert.equal(statusOf(answer), 0);
      await running(0);
      assert.equal(statusOf(await call('/test.Echo/Echo')), 0);
    });

    it('counts a method until it has settled, although its caller has gone', async () => {
      await start({ admission: { maxInFlight: 1, maxQueueAgeMs: 60_000 } });
      const leaving = openSession(server.address);
      const left = http2Call(leaving, '/test.Echo/Hold', { frames: [grpcMessage(Buffer.from('x'))] }).catch(() => {});
      await running(1);
      leaving.destroy();
      await left;
      await eventually(
        () => server.openCalls() === 0,
        () => 'the call is still open',
      );
      assert.equal(statusOf(await call('/test.Echo/Echo')), RESOURCE_EXHAUSTED);
      for (const end of finish.splice(0)) end();
      await running(0);
      assert.equal(statusOf(await call('/test.Echo/Echo')), 0);
    });

    it('counts calls that fail, too, only once', async () => {
      await start({ admission: { maxInFlight: 3, maxQueueAgeMs: 60_000 } });
      for (let round = 0; round < 5; round++) {
        await call('/test.Echo/Refuse');
        await call('/test.Echo/Break');
        await call('/test.Echo/Echo');
        await call('/test.Echo/Later');
      }
      await running(0);
    });

    if (kind === 'grpc-js') return;

    it('asks nobody who calls before it turns somebody away', async () => {
      let asked = 0;
      const caller: Caller = { name: 'x', roles: [], groups: [], namespaces: [] };
      const guard = {
        admit() {
          asked++;
          return caller;
        },
      };
      await start({ guard, admission: { maxInFlight: 1, maxQueueAgeMs: 60_000 } });
      const held = call('/test.Echo/Hold');
      await running(1);
      assert.equal(statusOf(await call('/test.Echo/Echo')), RESOURCE_EXHAUSTED);
      assert.equal(asked, 1);
      for (const end of finish.splice(0)) end();
      await held;
    });

    it('turns away a call that has waited too long for its method to be run', async () => {
      let admitted = (_: Caller): void => {};
      const guard = { admit: () => new Promise<Caller>((resolve) => (admitted = resolve)) };
      await start({ guard, admission: { maxInFlight: 10, maxQueueAgeMs: 50 } });
      const waiting = call('/test.Echo/Echo');
      await eventually(
        () => server.openCalls() === 1,
        () => 'no call came',
      );
      await new Promise((resolve) => setTimeout(resolve, 150));
      admitted({ name: 'x', roles: [], groups: [], namespaces: [] });
      const answer = await waiting;
      assert.equal(statusOf(answer), RESOURCE_EXHAUSTED);
      assert.equal(codeOf(answer), 'QUEUED_TOO_LONG');
      assert.equal(echo.counts.started, 0);
    });
  });
}

describe('the net-http2 server in a turn that takes long', () => {
  it('turns away what was read behind it', async () => {
    const echo = createEchoService();
    const finish: (() => void)[] = [];
    const more: ServiceTable = [
      { path: '/test.Echo/Hold', handle: (message) => new Promise((end) => finish.push(() => end(message))) },
      {
        path: '/test.Echo/Spin',
        handle(message) {
          for (const end = Date.now() + 400; Date.now() < end; );
          return message;
        },
      },
    ];
    const admission = { maxInFlight: 100, maxQueueAgeMs: 250 };
    const server = await startGrpcServer('net-http2', [...echo.methods, ...more], echo.options({ admission }));
    const wire = await Http2Wire.greet(server.address);
    for (let at = 0; at < 20; at++) wire.send(unaryCall(2 * at + 1, '/test.Echo/Hold', Buffer.from('x')));
    await eventually(
      () => server.runningCalls() === 20,
      () => `${server.runningCalls()} run`,
    );
    wire.send(unaryCall(101, '/test.Echo/Spin', Buffer.from('x')), unaryCall(103, '/test.Echo/Echo', Buffer.from('x')));
    await wire.next(({ type, stream }) => type === FrameType.HEADERS && stream === 103);
    assert.deepEqual(
      echo.failures.map(({ error }) => (error as { code?: string }).code),
      ['QUEUED_TOO_LONG'],
    );
    for (const end of finish) end();
    wire.destroy();
    await server.close(100);
  });
});

describe('the admission of calls', () => {
  it('looks at turns only with much under way', async () => {
    const admission = new CallAdmission({ maxInFlight: 100, maxQueueAgeMs: 10 });
    assert.equal(admission.arrival(5), 5);
    assert.equal(admission.arrival(6), 6);
    for (let begun = 0; begun < 20; begun++) admission.began();
    assert.equal(admission.arrival(7), 7);
    assert.equal(admission.arrival(9), 7);
    await new Promise(setImmediate);
    assert.equal(admission.arrival(9), 9);
  });
});
