import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { grpcServers } from '../../src/transports/grpc/start-grpc-server.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { createHealthClient } from '../support/health-client.ts';
import { createOnlineFeaturesClient, type OnlineFeaturesClient } from '../support/online-features-client.ts';
import { eventually, type ServingProgram, startServing } from '../support/serving-program.ts';
import { askWho, createWhoRepo } from '../support/who-store.ts';

const ROUNDS = 10;

describe('sideboard serve that is told to stop', function () {
  this.timeout(120_000);

  let repo: FeatureRepo;
  let running: ServingProgram[] = [];
  let clients: { close(): void }[] = [];

  afterEach(async () => {
    for (const client of clients) client.close();
    for (const program of running) await program.kill();
    running = [];
    clients = [];
    repo.remove();
  });

  async function serve(sideboard: object, ...args: readonly string[]) {
    repo = createWhoRepo(sideboard);
    return serveAgain(...args);
  }

  async function serveAgain(...args: readonly string[]) {
    const program = await startServing(repo.path, ...args);
    running.push(program);
    const address = await program.ready();
    await eventually(async () => ((await program.readyz()).ready ? true : undefined), program.output);
    return { program, address };
  }

  function client(address: string): OnlineFeaturesClient {
    const created = createOnlineFeaturesClient(address);
    clients.push(created);
    return created;
  }

  for (const workers of [1, 2]) {
    it(`says so first and goes on serving for as long as it is to wait, by ${workers} process${workers > 1 ? 'es' : ''}`, async () => {
      const { program, address } = await serve({ shutdown: { wait_ms: 2_000 } }, '--workers', String(workers));
      const health = createHealthClient(address);
      clients.push(health);
      await eventually(async () => ((await health.check()) === 'SERVING' ? true : undefined), program.output);
      const watch = health.watch();
      await watch.until(1);
      const told = Date.now();
      program.child.kill('SIGTERM');
      const { checks, workers: reports } = await eventually(async () => {
        const report = await program.readyz();
        return report.ready ? undefined : report;
      }, program.output);
      assert.equal((await program.page('/livez')).status, 200);
      if (reports === undefined) assert.deepEqual(checks.process, { ok: false, reason: 'the process is stopping' });
      await watch.until(2);
      assert.deepEqual(watch.seen, ['SERVING', 'NOT_SERVING']);
      assert.equal(await health.check('feast.serving.ServingService'), 'NOT_SERVING');
      // Also by a connection that is made only now.
      assert.ok((await askWho(client(address))) > 0);
      assert.equal(await watch.ended, 'UNAVAILABLE');
      assert.deepEqual(await program.ended, [0, null]);
      assert.ok(Date.now() - told >= 2_000);
    });
  }

  for (const workers of [1, 2]) {
    it(`does not wait for a registry that does not come, by ${workers} process${workers > 1 ? 'es' : ''}`, async () => {
      const silent = createServer().listen(0, '127.0.0.1');
      await once(silent, 'listening');
      try {
        const { port } = silent.address() as AddressInfo;
        repo = createSqliteRepo('simple', { registry: { path: `http://127.0.0.1:${port}/registry.db` } });
        const asked = once(silent, 'connection');
        const program = await startServing(repo.path, '--workers', String(workers));
        running.push(program);
        await asked;
        const told = Date.now();
        program.child.kill('SIGTERM');
        assert.deepEqual(await program.ended, [0, null]);
        // It would wait 30 s for the registry.
        assert.ok(Date.now() - told < 15_000);
        assert.match(program.output(), /stopped before anything was served/);
      } finally {
        silent.close();
      }
    });
  }

  it('ends at once when it is told again while it waits', async () => {
    const { program } = await serve({ shutdown: { wait_ms: 60_000 } });
    program.child.kill('SIGTERM');
    await eventually(async () => ((await program.readyz()).ready ? undefined : true), program.output);
    program.child.kill('SIGTERM');
    assert.deepEqual(await program.ended, [exitCodes.terminated.code, null]);
  });

  for (const kind of Object.keys(grpcServers)) {
    it(`ends soon on ${kind} with a Watch open, an idle client, and one that only connected`, async () => {
      const { program, address } = await serve({ grpc: { server: kind } }, '--shutdown-timeout', '30');
      const health = createHealthClient(address);
      clients.push(health);
      const watch = health.watch();
      await watch.until(1);
      await askWho(client(address));
      const idle = connect(Number(address.split(':')[1]), '127.0.0.1');
      idle.on('error', () => {});
      clients.push({ close: () => idle.destroy() });
      const started = Date.now();
      program.child.kill('SIGTERM');
      assert.deepEqual(await program.ended, [0, null]);
      assert.ok(Date.now() - started < 10_000);
      assert.equal(await watch.ended, 'UNAVAILABLE');
    });
  }

  it(`loses no call under load, ${ROUNDS} times`, async () => {
    repo = createWhoRepo({});
    const lost: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const { program, address } = await serveAgain();
      let stopping = false;
      const answered = [0, 0, 0, 0];
      const callers = answered.map(async (_, index) => {
        const caller = client(address);
        for (;;) {
          const before = stopping;
          try {
            assert.ok((await askWho(caller, 3)) > 0);
            answered[index] = (answered[index] ?? 0) + 1;
          } catch (error) {
            // What was begun before the signal is answered; what comes later is refused, and says that it was not begun.
            const code = (error as { code?: number }).code;
            if (!before || code !== 14) lost.push(`round ${round}, begun ${before ? 'after' : 'before'}: ${error}`);
            return;
          }
        }
      });
      // Every caller has a connection: a call for which one is yet to be made has not been begun.
      await eventually(() => (answered.every((count) => count > 5) ? true : undefined), program.output);
      stopping = true;
      program.child.kill('SIGTERM');
      assert.deepEqual(await program.ended, [0, null]);
      await Promise.all(callers);
    }
    assert.deepEqual(lost, []);
  });
});
