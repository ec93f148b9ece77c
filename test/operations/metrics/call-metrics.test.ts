import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Client, type ClientDuplexStream, type ClientUnaryCall, credentials } from '@grpc/grpc-js';
import { hasLeft } from '../../../src/operations/call-outcome.ts';
import { CallMetrics } from '../../../src/operations/metrics/call-metrics.ts';
import { MetricRegistry } from '../../../src/operations/metrics/metric-registry.ts';
import type { GrpcServer } from '../../../src/transports/grpc/service-table.ts';
import { grpcServers } from '../../../src/transports/grpc/start-grpc-server.ts';
import { createEchoService, giveBack } from '../../support/echo-service.ts';
import { eventually } from '../../support/http2-server-under-test.ts';

const CALLS = 40;
const bytes = (message: Buffer): Buffer => message;

for (const [kind, start] of Object.entries(grpcServers)) {
  describe(`calls of the ${kind} server, measured`, function () {
    this.timeout(30_000);

    let registry: MetricRegistry;
    let server: GrpcServer;
    let client: Client;

    beforeEach(async () => {
      registry = new MetricRegistry();
      const metrics = new CallMetrics(registry);
      const echo = createEchoService();
      const onFailure = (...failure: Parameters<CallMetrics['failed']>): void => metrics.failed(...failure);
      server = await start(
        metrics.measured([...echo.methods, giveBack]),
        echo.options({ defaultDeadlineMs: 400, onFailure }),
      );
      client = new Client(server.address, credentials.createInsecure());
    });

    afterEach(async () => {
      client.close();
      await server.close(100);
    });

    /** How many calls of a method ended how, once they are as many as were made. */
    async function outcomes(method: string, calls: number): Promise<Readonly<Record<string, number>>> {
      const found = (): Record<string, number> => {
        const codes: Record<string, number> = {};
        for (const [series, [count = 0]] of Object.entries(registry.snapshot())) {
          const [, code] =
            new RegExp(`^sideboard_requests_total.*/test\\.Echo/${method}".*code="(\\w+)"`).exec(series) ?? [];
          if (code !== undefined && count > 0) codes[code] = count;
        }
        return codes;
      };
      const sum = (): number => Object.values(found()).reduce((all, count) => all + count, 0);
      await eventually(
        () => sum() >= calls,
        () => JSON.stringify(found()),
      );
      return found();
    }

    function call(
      method: string,
      message: string,
      deadlineMs?: number,
    ): { call: ClientUnaryCall; ended: Promise<void> } {
      let made: ClientUnaryCall | undefined;
      const ended = new Promise<void>((resolve) => {
        const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
        made = client.makeUnaryRequest(`/test.Echo/${method}`, bytes, bytes, Buffer.from(message), options, () =>
          resolve(),
        );
      });
      assert.ok(made !== undefined);
      return { call: made, ended };
    }

    it('counts every call once whose time is up, whoever notices it first', async () => {
      await call('Echo', 'x').ended;
      const theirs = Array.from({ length: CALLS }, (_, n) => call('Wait', '20000', 100 + n).ended);
      // Of its own deadline grpc-js only tells the method, which does not listen here.
      const ours = Array.from({ length: kind === 'grpc-js' ? 0 : 5 }, () => call('Wait', '20000').ended);
      await Promise.all([...theirs, ...ours]);
      // On a busy machine a request may take so long that its caller seems to leave before its time.
      const {
        DEADLINE_EXCEEDED: late = 0,
        CANCELLED: left = 0,
        ...others
      } = await outcomes('Wait', CALLS + ours.length);
      assert.equal(late + left, CALLS + ours.length);
      assert.ok(late >= ours.length, `${late} were late`);
      assert.deepEqual(others, {});
      assert.deepEqual(await outcomes('Echo', 1), { OK: 1 });
    });

    it('tells callers that left from those whose time was up, and failures from both', async () => {
      const calls = Array.from({ length: CALLS }, () => call('Wait', '20000', 60_000));
      await eventually(
        () => server.openCalls() === CALLS,
        () => `${server.openCalls()} calls`,
      );
      for (const each of calls) each.call.cancel();
      await Promise.all(calls.map(({ ended }) => ended));
      await Promise.all(Array.from({ length: 3 }, () => call('Refuse', 'x').ended));
      assert.deepEqual(await outcomes('Wait', CALLS), { CANCELLED: CALLS });
      assert.deepEqual(await outcomes('Refuse', 3), { NOT_FOUND: 3 });
    });

    it('counts a streaming call once, by how it ended for its caller', async () => {
      const open = (): ClientDuplexStream<Buffer, Buffer> => {
        const stream = client.makeBidiStreamRequest(giveBack.path, bytes, bytes);
        stream.on('error', () => {});
        stream.write(Buffer.from('x'));
        return stream;
      };
      const [whole, left, stopped] = [open(), open(), open()];
      await Promise.all([whole, left, stopped].map((stream) => once(stream, 'data')));
      whole.end();
      await once(whole, 'end');
      left.cancel();
      await eventually(
        () => server.openCalls() === 1,
        () => `${server.openCalls()} calls`,
      );
      const ended = new Promise((resolve) => stopped.on('status', resolve));
      await server.close(1_000);
      await ended;
      // The libraries under the other two end the messages of a client that leaves as if it had ended them.
      const ends = kind === 'net-http2' ? { OK: 1, CANCELLED: 1 } : { OK: 2 };
      assert.deepEqual(await outcomes('GiveBack', 3), { ...ends, UNAVAILABLE: 1 });
    });
  });
}

describe('a call that is over', () => {
  it('has lost its caller to the deadline where that was near, for callers count from earlier', () => {
    assert.equal(hasLeft({ deadline: Date.now() - 1 }), false);
    assert.equal(hasLeft({ deadline: Date.now() + 15 }), false);
    assert.equal(hasLeft({ deadline: Date.now() + 5_000 }), true);
    assert.equal(hasLeft({}), true);
  });
});
