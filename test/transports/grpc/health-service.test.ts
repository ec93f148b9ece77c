import assert from 'node:assert/strict';
import { HealthService, MAX_WATCHES, servicesOf } from '../../../src/transports/grpc/health-service.ts';
import type { GrpcServer } from '../../../src/transports/grpc/service-table.ts';
import { grpcServers } from '../../../src/transports/grpc/start-grpc-server.ts';
import type { TransportError } from '../../../src/transports/transport-error.ts';
import { createEchoService } from '../../support/echo-service.ts';
import { createHealthClient, type HealthClient } from '../../support/health-client.ts';

for (const [kind, start] of Object.entries(grpcServers)) {
  describe(`grpc.health.v1 on ${kind}`, function () {
    this.timeout(20_000);

    let health: HealthService;
    let server: GrpcServer;
    let client: HealthClient;

    beforeEach(async () => {
      const echo = createEchoService();
      health = new HealthService(
        new Map([...servicesOf(echo.methods).map((name) => [name, true] as const), ['off.Service', false]]),
      );
      server = await start([...echo.methods, ...health.methods], echo.options());
      client = createHealthClient(server.address);
    });

    afterEach(async () => {
      client.close();
      health.stop();
      await server.close(0);
    });

    it('says of each service whether it serves', async () => {
      assert.equal(await client.check(), 'NOT_SERVING');
      assert.equal(await client.check('test.Echo'), 'NOT_SERVING');
      health.serving = true;
      assert.equal(await client.check(), 'SERVING');
      assert.equal(await client.check('test.Echo'), 'SERVING');
      assert.equal(await client.check('off.Service'), 'NOT_SERVING');
      assert.deepEqual(await client.list(), { '': 'SERVING', 'test.Echo': 'SERVING', 'off.Service': 'NOT_SERVING' });
    });

    it('does not know a service that is not there: Check refuses, Watch says so and waits', async () => {
      assert.equal(await client.check('no.Such'), 'NOT_FOUND');
      const watch = client.watch('no.Such');
      await watch.until(1);
      assert.deepEqual(watch.seen, ['SERVICE_UNKNOWN']);
      health.stop();
      assert.equal(await watch.ended, 'UNAVAILABLE');
    });

    it('tells each change once to whoever watches', async () => {
      const watches = [client.watch(), client.watch('test.Echo'), client.watch('off.Service')];
      await Promise.all(watches.map((watch) => watch.until(1)));
      health.serving = true;
      health.serving = true;
      await watches[0]?.until(2);
      await watches[1]?.until(2);
      health.serving = false;
      await watches[0]?.until(3);
      await watches[1]?.until(3);
      assert.deepEqual(
        watches.map(({ seen }) => seen),
        [['NOT_SERVING', 'SERVING', 'NOT_SERVING'], ['NOT_SERVING', 'SERVING', 'NOT_SERVING'], ['NOT_SERVING']],
      );
      for (const watch of watches) watch.cancel();
      assert.deepEqual(await Promise.all(watches.map(({ ended }) => ended)), ['CANCELLED', 'CANCELLED', 'CANCELLED']);
      while (server.openCalls() > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    });

    it('tells that it stops before it ends a Watch, which then does not hold up the server', async () => {
      health.serving = true;
      const watch = client.watch();
      await watch.until(1);
      health.serving = false;
      health.stop();
      assert.equal(await watch.ended, 'UNAVAILABLE');
      assert.deepEqual(watch.seen, ['SERVING', 'NOT_SERVING']);
      const started = Date.now();
      const open = client.watch();
      assert.equal(await open.ended, 'UNAVAILABLE');
      await server.close(10_000);
      assert.ok(Date.now() - started < 5_000);
    });

    it('takes the place of a watch from a client that has many, for one that has none', async () => {
      const few = new HealthService(new Map(), 5);
      const other = await start(few.methods, createEchoService().options());
      const stranger = createHealthClient(other.address);
      const probe = createHealthClient(other.address);
      const many = Array.from({ length: 5 }, () => stranger.watch());
      await Promise.all(many.map((watch) => watch.until(1)));
      const refused = stranger.watch();
      assert.equal(await refused.ended, 'RESOURCE_EXHAUSTED');
      const own = probe.watch();
      await own.until(1);
      assert.deepEqual(own.seen, ['NOT_SERVING']);
      assert.equal(await many[0]?.ended, 'RESOURCE_EXHAUSTED');
      few.serving = true;
      await Promise.all([own, ...many.slice(1)].map((watch) => watch.until(2)));
      few.stop();
      stranger.close();
      probe.close();
      await other.close(0);
    });

    it('answers while another call holds its connection up', async () => {
      health.serving = true;
      const watches = Array.from({ length: 90 }, () => client.watch());
      await Promise.all(watches.map((watch) => watch.until(1)));
      assert.equal(await client.check(), 'SERVING');
      for (const watch of watches) watch.cancel();
    });
  });
}

describe('the health service', () => {
  it('takes no more watches than it has room for, and others again when some have ended', async () => {
    const health = new HealthService(new Map());
    const method = health.methods.find(({ path }) => path === '/grpc.health.v1.Health/Watch');
    assert.ok(method !== undefined && 'stream' in method);
    const watch = async (signal: AbortSignal): Promise<string> => {
      const messages = (async function* () {
        yield new Uint8Array();
      })();
      try {
        await method.stream({ messages, signal, isComplete: false, send: async () => {} });
        return 'left';
      } catch (error) {
        return (error as TransportError).code;
      }
    };
    const leaving = Array.from({ length: MAX_WATCHES }, () => new AbortController());
    const open = leaving.map(({ signal }) => watch(signal));
    const other = new AbortController();
    assert.equal(await watch(other.signal), 'TOO_MANY_WATCHES');
    for (const each of leaving) each.abort();
    assert.deepEqual([...new Set(await Promise.all(open))], ['left']);
    const again = watch(other.signal);
    other.abort();
    assert.equal(await again, 'left');
  });
});
