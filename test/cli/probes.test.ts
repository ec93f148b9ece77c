import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { int64 } from '../support/feature-values.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { createHealthClient, type HealthClient } from '../support/health-client.ts';
import { createOnlineFeaturesClient } from '../support/online-features-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually, type ServingProgram, startServing } from '../support/serving-program.ts';
import { startProgram } from '../support/sideboard-process.ts';
import { createWhoRepo } from '../support/who-store.ts';

const ASK = { features: ['driver_hourly_stats:city'], entities: { driver_id: [int64(1001n)] } };

describe('the probes of sideboard serve', function () {
  this.timeout(60_000);

  let repo: FeatureRepo;
  let redis: RedisServer;
  let running: ServingProgram[] = [];
  let clients: { close(): void }[] = [];

  before(async () => {
    redis = await startRedisServer();
  });

  after(() => redis.remove());

  beforeEach(() => {
    repo = createSqliteRepo('simple');
  });

  afterEach(async () => {
    redis.resume();
    for (const client of clients) client.close();
    for (const program of running) await program.kill();
    running = [];
    clients = [];
    repo.remove();
  });

  async function serve(...args: readonly string[]): Promise<ServingProgram> {
    const program = await startServing(repo.path, ...args);
    running.push(program);
    return program;
  }

  function healthOf(address: string): HealthClient {
    const client = createHealthClient(address);
    clients.push(client);
    return client;
  }

  const untilReady = (program: ServingProgram, ready: boolean) =>
    eventually(async () => {
      const report = await program.readyz();
      return report.ready === ready ? report : undefined;
    }, program.output);

  function onRedis(sideboard: object): void {
    repo.remove();
    repo = createSqliteRepo('simple', {
      online_store: { type: 'redis', connection_string: `127.0.0.1:${redis.port}` },
      sideboard,
    });
  }

  /** Does something with a project whose registry never comes: the process goes on starting. */
  async function whileStarting(look: () => Promise<void>): Promise<void> {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    try {
      const { port } = silent.address() as AddressInfo;
      repo.remove();
      repo = createSqliteRepo('simple', { registry: { path: `http://127.0.0.1:${port}/registry.db` } });
      await look();
    } finally {
      silent.close();
    }
  }

  it('say that a process which starts is alive and not ready, and why', async () => {
    await whileStarting(async () => {
      const program = await serve();
      assert.deepEqual(await program.page('/livez'), {
        status: 200,
        type: 'text/plain; charset=utf-8',
        text: 'alive\n',
      });
      const { status, ready, checks } = await program.readyz();
      assert.deepEqual([status, ready], [503, false]);
      assert.deepEqual(checks.registry, { ok: false, reason: 'the process is starting' });
      assert.deepEqual(checks.store, { ok: false, reason: 'the online store has not answered yet' });
    });
  });

  it('are repeated by sideboard_ready, with workers too while none of them can say so', async () => {
    await whileStarting(async () => {
      for (const args of [[], ['--workers', '2']]) {
        const program = await serve(...args);
        assert.match((await program.page('/metrics')).text, /^sideboard_ready 0$/m, args.join(' '));
      }
    });
  });

  it('are ready when registry and store are there, over HTTP and gRPC alike, for every service', async () => {
    const program = await serve();
    const address = await program.ready();
    const report = await untilReady(program, true);
    assert.deepEqual(report, { status: 200, ready: true, checks: { registry: { ok: true }, store: { ok: true } } });
    const health = healthOf(address);
    const serving = 'SERVING';
    assert.deepEqual(await health.list(), {
      '': serving,
      'feast.serving.ServingService': serving,
      GrpcFeatureServer: serving,
      'sideboard.v1.Ingest': serving,
    });
    assert.equal(await health.check('grpc.health.v1.Health'), 'NOT_FOUND');
  });

  it('say NOT_SERVING of the service for loaders where writes are off', async () => {
    repo.remove();
    repo = createSqliteRepo('simple', { sideboard: { serving: { writes: false } } });
    const program = await serve();
    const health = healthOf(await program.ready());
    await untilReady(program, true);
    assert.equal(await health.check('sideboard.v1.Ingest'), 'NOT_SERVING');
    assert.equal(await health.check('GrpcFeatureServer'), 'SERVING');
  });

  it('are ready from the copy of a registry whose source is gone, and say how old it is', async () => {
    repo.remove();
    repo = createSqliteRepo('simple', { sideboard: { registry: { snapshot_path: 'registry.copy' } } });
    const first = await serve();
    await first.ready();
    first.child.kill('SIGTERM');
    assert.deepEqual(await first.ended, [0, null]);
    rmSync(join(repo.path, 'data/registry.db'));
    const program = await serve();
    await program.ready();
    const { checks } = await untilReady(program, true);
    assert.equal(checks.registry?.ok, true);
    assert.match(
      checks.registry?.reason ?? '',
      /^served from the copy on disk, as it was \d+ s ago: its source cannot be read \(REGISTRY_NOT_FOUND\)$/,
    );
  });

  it('wait for the store to answer once, and then leave it to the calls', async () => {
    onRedis({ redis: { command_timeout_ms: 300 } });
    redis.pause();
    const program = await serve();
    await program.ready();
    const { checks } = await eventually(async () => {
      const report = await program.readyz();
      return /\(STORE_/.test(report.checks.store?.reason ?? '') ? report : undefined;
    }, program.output);
    assert.match(checks.store?.reason ?? '', /^the online store has not answered yet \(STORE_\w+\)$/);
    redis.resume();
    await untilReady(program, true);
    redis.pause();
    const client = createOnlineFeaturesClient(await program.ready());
    clients.push(client);
    await assert.rejects(client.ask(ASK));
    assert.equal((await program.readyz()).ready, true);
    // Ready, and yet the truth: calls fail.
    const away = await eventually(async () => (await program.readyz()).checks.store?.reason, program.output);
    assert.match(away, /^calls fail: the online store does not answer \(STORE_\w+\)$/);
    redis.resume();
    await eventually(async () => {
      const report = await program.readyz();
      return report.checks.store?.reason === undefined ? report : undefined;
    }, program.output);
  });

  it('follow the store where they are strict, over gRPC too, and not at the first failure', async () => {
    onRedis({ readiness: { store: 'strict' } });
    const program = await serve();
    const health = healthOf(await program.ready());
    await untilReady(program, true);
    const watch = health.watch('feast.serving.ServingService');
    await watch.until(1);
    redis.pause();
    await eventually(async () => (await program.readyz()).checks.store?.reason, program.output);
    const early = await program.readyz();
    assert.equal(early.ready, true);
    const { status, checks } = await untilReady(program, false);
    assert.equal(status, 503);
    assert.match(checks.store?.reason ?? '', /^the online store does not answer \(STORE_\w+\)$/);
    assert.equal(await health.check(), 'NOT_SERVING');
    assert.equal((await program.page('/livez')).status, 200);
    redis.resume();
    await untilReady(program, true);
    await watch.until(3);
    assert.deepEqual(watch.seen, ['SERVING', 'NOT_SERVING', 'SERVING']);
  });

  it('are ready with workers when one of them is, and report each', async () => {
    repo.remove();
    repo = createWhoRepo();
    const program = await serve('--workers', '2');
    await program.ready();
    const { workers } = await eventually(async () => {
      const report = await program.readyz();
      return Object.values(report.workers ?? {}).filter(({ ready }) => ready).length === 2 ? report : undefined;
    }, program.output);
    assert.deepEqual(Object.keys(workers ?? {}), ['1', '2']);
    assert.deepEqual(workers?.[1]?.checks.store, { ok: true });
    assert.match((await program.page('/metrics')).text, /^sideboard_ready 1$/m);
  });

  it('go without a port where the usual one is taken, and end the start where it was asked for', async () => {
    const { admin } = await serve();
    const taken = startProgram([
      'serve',
      '--repo',
      repo.path,
      '--grpc-address',
      '127.0.0.1:0',
      '--admin-address',
      admin,
    ]);
    const [status] = await once(taken, 'close');
    assert.equal(status, exitCodes.listen.code);
    writeFileSync(join(repo.path, 'feature_store.yaml'), '\nsideboard: {admin: {address: "127.0.0.1"}}\n', {
      flag: 'a',
    });
    const wrong = startProgram(['serve', '--repo', repo.path]);
    assert.equal((await once(wrong, 'close'))[0], exitCodes.config.code);
  });
});
