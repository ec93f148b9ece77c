import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { packageVersion } from '../../src/cli/package-version.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { createSqliteRepo } from '../support/golden-repo.ts';
import { createOnlineFeaturesClient, type OnlineFeaturesClient, refusalOf } from '../support/online-features-client.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { collect, startProgram } from '../support/sideboard-process.ts';

const ASK = {
  features: ['driver_hourly_stats:city'],
  entities: { driver_id: [create(ValueSchema, { val: { case: 'int64Val', value: 1001n } })] },
};

interface Program {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<readonly [number | null, NodeJS.Signals | null]>;
}

describe('the sideboard process', function () {
  this.timeout(60_000);

  let repo: FeatureRepo;
  let running: Program[] = [];
  let clients: OnlineFeaturesClient[] = [];

  beforeEach(() => {
    repo = createSqliteRepo('simple');
  });

  afterEach(async () => {
    for (const client of clients) client.close();
    for (const { child, ended } of running) {
      child.kill('SIGKILL');
      await ended;
    }
    running = [];
    clients = [];
    repo.remove();
  });

  function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
    const child = startProgram(args, env);
    const { stdout, stderr } = collect(child);
    const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    const program = { child, stdout, stderr, ended };
    running.push(program);
    return program;
  }

  async function serve(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
    const program = start(['serve', '--repo', repo.path, '--grpc-address', '127.0.0.1:0', ...args], env);
    const address = await eventually(program, () => / on (\S+)\n/.exec(program.stdout())?.[1]);
    const client = createOnlineFeaturesClient(address);
    clients.push(client);
    return { ...program, address, client };
  }

  describe('of a command', () => {
    it('prints help without arguments, and ends with 0', async () => {
      const { ended, stdout, stderr } = start([]);
      assert.deepEqual(await ended, [0, null]);
      assert.match(stdout(), /^Usage: sideboard .*\n {2}doctor .*\nExamples:\n/s);
      assert.equal(stderr(), '');
    });

    it('ends with the exit code of its failure', async () => {
      rmSync(join(repo.path, 'data/registry.db'));
      const { ended, stderr } = start(['inspect', '--repo', repo.path]);
      assert.deepEqual(await ended, [exitCodes.registry.code, null]);
      assert.match(stderr(), /^error REGISTRY_NOT_FOUND: .*\nhint: .*\n$/);
    });

    it('ends quietly when nobody reads its output any more', async () => {
      const { child, ended, stderr } = start(['inspect', '--repo', repo.path]);
      child.stdout?.destroy();
      assert.deepEqual(await ended, [0, null]);
      assert.equal(stderr(), '');
    });

    it('stops writing behind the batch under way on SIGINT, and says how far it came', async () => {
      const args = ['driver_hourly_stats', '-', '--format', 'jsonl', '--batch-size', '1', '--missing-as-null'];
      const program = start(['write', ...args, '--progress-interval', '1', '--repo', repo.path]);
      const row = (id: number) => `{"driver_id": ${id}, "event_timestamp": "2026-01-10"}\n`;
      program.child.stdin?.write(row(1) + row(2));
      await eventually(program, () => (/2 rows written/.test(program.stderr()) ? true : undefined));
      program.child.kill('SIGINT');
      await sleep(100);
      program.child.stdin?.write(row(3) + row(4));
      assert.deepEqual(await program.ended, [exitCodes.interrupted.code, null]);
      assert.match(
        program.stdout(),
        /^3 rows of driver_hourly_stats written; interrupted before the end of the file\n$/,
      );
    });
  });

  describe('of serve', () => {
    it('prints one line when it is ready, logs JSON to standard error, and ends with 0 on SIGTERM', async () => {
      const { child, client, ended, stdout, stderr, address } = await serve();
      assert.equal(
        stdout(),
        `Sideboard ${packageVersion()} serves project driver_ranking (1 view, 2 services) from sqlite on ${address}\n`,
      );
      assert.equal((await client.ask(ASK)).columns[1]?.statuses[0], 'PRESENT');
      child.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
      const events = stderr()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { level: string; msg: string; time: string });
      assert.deepEqual(
        events.map(({ level, msg }) => `${level} ${msg}`),
        ['info ready', 'info stopping: calls under way may finish', 'info stopped'],
      );
      assert.ok(events.every(({ time }) => !Number.isNaN(Date.parse(time))));
    });

    it('serves on a Unix socket', async () => {
      const socket = join(repo.path, 's.sock');
      const { client, address } = await serve(['--grpc-address', `unix:${socket}`]);
      assert.equal(address, `unix:${socket}`);
      assert.equal((await client.ask(ASK)).columns[1]?.statuses[0], 'PRESENT');
    });

    it('takes address and level of the log from the configuration, the environment and the command line, in that order', async () => {
      const text = 'sideboard: {log: {level: silent, format: pretty}, grpc: {address: "127.0.0.1:1"}}\n';
      writeFileSync(join(repo.path, 'feature_store.yaml'), text, { flag: 'a' });
      const quiet = await serve();
      assert.equal(quiet.stderr(), '');
      const loud = await serve([], { SIDEBOARD_LOG_LEVEL: 'info', SIDEBOARD_LOG_FORMAT: 'json' });
      await eventually(loud, () => (/"msg":"ready"/.test(loud.stderr()) ? true : undefined));
      const pretty = await serve(['--log-level', 'info'], { SIDEBOARD_LOG_LEVEL: 'silent' });
      await eventually(pretty, () => (/INFO: ready/.test(pretty.stderr()) ? true : undefined));
    });

    it('goes on when nobody reads its output any more', async () => {
      const { child, client, ended } = await serve();
      child.stdout?.destroy();
      child.stderr?.destroy();
      assert.equal((await client.ask(ASK)).columns[1]?.statuses[0], 'PRESENT');
      child.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
    });

    it('ends at once where the address is taken', async () => {
      const { address } = await serve();
      const { ended, stdout, stderr } = start(['serve', '--repo', repo.path, '--grpc-address', address]);
      assert.deepEqual(await ended, [exitCodes.listen.code, null]);
      assert.match(stderr(), /^error ADDRESS_IN_USE: /);
      assert.equal(stdout(), '');
    });

    it('ends at once where there is no registry', async () => {
      rmSync(join(repo.path, 'data/registry.db'));
      const { ended, stderr } = start(['serve', '--repo', repo.path, '--grpc-address', '127.0.0.1:0']);
      assert.deepEqual(await ended, [exitCodes.registry.code, null]);
      assert.match(stderr(), /^error REGISTRY_NOT_FOUND: /);
    });

    it('starts without its store, says so, and answers once the store is there', async () => {
      const file = join(repo.path, 'data/online_store.db');
      const other = createSqliteRepo('simple');
      rmSync(file);
      try {
        const program = await serve();
        await eventually(program, () => (/does not answer/.test(program.stderr()) ? true : undefined));
        const refusal = await refusalOf(program.client.ask(ASK));
        assert.equal(refusal.status, 'UNAVAILABLE');
        await refusalOf(program.client.ask(ASK));
        assert.equal(program.stderr().match(/"msg":"the online store failed"/g)?.length, 1);
        copyFileSync(join(other.path, 'data/online_store.db'), file);
        assert.equal((await program.client.ask(ASK)).columns[1]?.statuses[0], 'PRESENT');
        await eventually(program, () =>
          /the online store answers again after \d+ s/.test(program.stderr()) ? true : undefined,
        );
      } finally {
        other.remove();
      }
    });

    it('outlives a failed promise that nobody waited for, but not an exception that nobody caught, and ends although its store does not', async () => {
      // A store of the user's that goes wrong in the background.
      writeFileSync(
        join(repo.path, 'rotten.mjs'),
        `import { z } from '${import.meta.resolve('zod')}';
        export class RottenOnlineStore {
          capabilities = { readMany: false, ttl: false, directWrite: true, keepsNewest: false,
            feastPython: { missingRow: 'NOT_FOUND', missingFeature: 'NOT_FOUND', missingFeatureTime: 'row' } };
          constructor() {
            setTimeout(() => Promise.reject(new Error('forgotten')), 300);
            process.on('SIGUSR2', () => { throw new Error('thrown'); });
          }
          async update() {} async teardown() {} async onlineWriteBatch() {} async ping() {}
          close() { return new Promise(() => {}); }
          async onlineRead(table, keys) { return keys.map(() => undefined); }
        }
        export const RottenOnlineStoreConfig = z.strictObject({});`,
      );
      const config = 'project: driver_ranking\nregistry: data/registry.db\nprovider: local\n';
      writeFileSync(
        join(repo.path, 'feature_store.yaml'),
        `${config}online_store: rotten.RottenOnlineStore\nentity_key_serialization_version: 3\n`,
      );
      const program = await serve();
      await eventually(program, () => (/a promise failed.*/.test(program.stderr()) ? true : undefined));
      assert.match(program.stderr(), /"message":"forgotten"/);
      assert.equal((await program.client.ask(ASK)).columns[1]?.statuses[0], 'NOT_FOUND');
      program.child.kill('SIGUSR2');
      assert.deepEqual(await program.ended, [exitCodes.failure.code, null]);
      assert.match(program.stderr(), /"level":"fatal".*"message":"thrown".*an exception was not caught/);
      assert.match(program.stderr(), /"part":"store".*going on without it/);
    });
  });

  describe('of serve that is told to stop', () => {
    let redis: RedisServer;

    before(async () => {
      redis = await startRedisServer();
    });

    after(() => redis.remove());

    beforeEach(() => {
      repo.remove();
      const connection = { type: 'redis', connection_string: `127.0.0.1:${redis.port}` };
      const settings = { redis: { command_timeout_ms: 30_000 }, grpc: { default_deadline_ms: 30_000 } };
      repo = createSqliteRepo('simple', { online_store: connection, sideboard: settings });
    });

    afterEach(() => redis.resume());

    /** A server with a call that waits for the store. */
    async function serveBusy(...args: readonly string[]) {
      const program = await serve(args);
      await program.client.ask(ASK);
      redis.pause();
      const call = program.client.ask(ASK);
      // Its end is looked at later: it must not count as unhandled until then.
      call.catch(() => {});
      await sleep(200);
      return { ...program, call };
    }

    it('lets calls under way finish, and refuses new ones', async () => {
      const { child, call, ended, address } = await serveBusy();
      child.kill('SIGTERM');
      await sleep(200);
      const late = createOnlineFeaturesClient(address);
      clients.push(late);
      assert.equal((await refusalOf(late.ask(ASK))).status, 'UNAVAILABLE');
      redis.resume();
      assert.equal((await call).columns[1]?.statuses[0], 'NOT_FOUND');
      assert.deepEqual(await ended, [0, null]);
    });

    it('waits for them no longer than it was told', async () => {
      const { child, call, ended } = await serveBusy('--shutdown-timeout', '1');
      const started = Date.now();
      child.kill('SIGINT');
      assert.equal((await refusalOf(call)).status, 'UNAVAILABLE');
      assert.deepEqual(await ended, [0, null]);
      assert.ok(Date.now() - started < 10_000);
    });

    it('ends at once when it is told twice', async () => {
      const { child, ended, stderr } = await serveBusy();
      child.kill('SIGTERM');
      await sleep(100);
      child.kill('SIGTERM');
      assert.deepEqual(await ended, [exitCodes.terminated.code, null]);
      assert.match(stderr(), /second signal/);
    });
  });
});

/** Looks again and again until there is something to see; fails with the output when the process ends first. */
async function eventually<T>(program: Program, look: () => T | undefined): Promise<T> {
  let ended = false;
  program.ended.then(
    () => {
      ended = true;
    },
    () => {},
  );
  for (let waited = 0; waited < 30_000; waited += 20) {
    const seen = look();
    if (seen !== undefined) return seen;
    if (ended) break;
    await sleep(20);
  }
  throw new Error(`not seen in the output:\n${program.stdout()}${program.stderr()}`);
}
