import assert from 'node:assert/strict';
import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { SideboardError } from '../../../src/errors.ts';
import type { Caller } from '../../../src/registry/access/caller.ts';
import type { CallGuard } from '../../../src/transports/grpc/call-guard.ts';
import type { GrpcServer, ServiceTable } from '../../../src/transports/grpc/service-table.ts';
import { grpcServers, startGrpcServer } from '../../../src/transports/grpc/start-grpc-server.ts';
import { createEchoService } from '../../support/echo-service.ts';
import { type Http2Answer, http2Call, openSession, statusOf } from '../../support/http2-call.ts';
import { eventually } from '../../support/http2-server-under-test.ts';
import { grpcMessage } from '../../support/http2-wire.ts';

const UNAUTHENTICATED = 16;
const INVALID_ARGUMENT = 3;
const BODY = { frames: [grpcMessage(Buffer.from('x'))] };
/** A message that announces more than comes. */
const BROKEN = { frames: [Buffer.from([0, 0, 0, 0, 9, 1])] };

function refusal(): SideboardError {
  return new SideboardError('NOT_YOU', 'unauthenticated', 'Nobody knows you.');
}

/** Knows everybody by the header: `now NAME` at once, `later NAME` after a while. */
const guard: CallGuard = {
  admit(path, authorization = '') {
    const [when, name = ''] = authorization.split(' ');
    const caller: Caller = { name: `${name} at ${path.split('/').at(-1)}`, roles: [], groups: [], namespaces: [] };
    if (when === 'now') return caller;
    if (when === 'later') return sleep(50, caller);
    if (when === 'never') return sleep(50).then(() => Promise.reject(refusal()));
    throw refusal();
  },
};

for (const kind of Object.keys(grpcServers) as (keyof typeof grpcServers)[]) {
  describe(`the ${kind} server with a guard`, () => {
    let server: GrpcServer;
    let session: ClientHttp2Session;
    let ran = 0;
    let failures: readonly { readonly error: unknown; readonly path: string | undefined }[];

    beforeEach(async () => {
      ran = 0;
      const methods: ServiceTable = [
        {
          path: '/test.Who/Who',
          handle(_, call) {
            ran++;
            return Buffer.from(call.caller?.name ?? 'nobody');
          },
        },
        {
          path: '/test.Who/Stream',
          async stream(call) {
            ran++;
            for await (const message of call.messages) {
              await call.send(Buffer.from(`${message} ${call.caller?.name ?? 'nobody'}`));
            }
          },
        },
      ];
      const echo = createEchoService();
      failures = echo.failures;
      server = await startGrpcServer(kind, methods, echo.options({ guard }));
      session = openSession(server.address);
    });
    afterEach(async () => {
      session.destroy();
      await server.close(0);
    });

    const call = (method: string, authorization: string | undefined, body = BODY): Promise<Http2Answer> =>
      http2Call(session, `/test.Who/${method}`, { ...body, headers: { authorization } });
    const textOf = (answer: Http2Answer) => answer.body.subarray(5).toString();

    it('tells methods who calls, whether that is known at once or later', async () => {
      for (const when of ['now', 'later', 'now']) {
        for (const name of ['ann', 'bob']) {
          assert.equal(textOf(await call('Who', `${when} ${name}`)), `${name} at Who`);
          assert.equal(textOf(await call('Stream', `${when} ${name}`)), `x ${name} at Stream`);
        }
      }
    });

    it('refuses others with a code, runs nothing for them, and goes on', async () => {
      for (const method of ['Who', 'Stream']) {
        for (const authorization of [undefined, 'never ann', 'Basic x']) {
          const answer = await call(method, authorization);
          assert.equal(statusOf(answer), UNAUTHENTICATED);
          assert.equal(answer.headers['sideboard-code'] ?? answer.trailers['sideboard-code'], 'NOT_YOU');
        }
      }
      assert.equal(ran, 0);
      assert.deepEqual(new Set(failures.map(({ path }) => path)), new Set(['/test.Who/Who', '/test.Who/Stream']));
      assert.equal(failures.length, 6);
      assert.equal(statusOf(await call('Who', 'now ann')), 0);
      await eventually(
        () => server.openCalls() === 0,
        () => `${server.openCalls()} calls are left`,
      );
    });

    it('says who may not call before it says what is wrong with the body', async () => {
      assert.equal(statusOf(await call('Who', undefined, BROKEN)), UNAUTHENTICATED);
      assert.equal(statusOf(await call('Who', 'never ann', BROKEN)), UNAUTHENTICATED);
      if (kind !== 'grpc-js') assert.equal(statusOf(await call('Who', 'later ann', BROKEN)), INVALID_ARGUMENT);
    });

    it('forgets calls that their clients give up before it is known who calls', async () => {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/test.Who/Who',
        'content-type': 'application/grpc',
        te: 'trailers',
        authorization: 'later ann',
      });
      stream.on('error', () => {});
      stream.write(grpcMessage(Buffer.from('x')));
      await sleep(10);
      stream.close(8);
      await sleep(100);
      assert.equal(ran, 0);
      assert.equal(server.openCalls(), 0);
    });
  });
}
