import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { grpcServers } from '../../src/transports/grpc/start-grpc-server.ts';
import type { FeatureRepo } from '../support/feature-repo.ts';
import { createOnlineFeaturesClient, type OnlineFeaturesClient } from '../support/online-features-client.ts';
import { collect, startProgram } from '../support/sideboard-process.ts';
import { askWho, createWhoRepo } from '../support/who-store.ts';

interface Program {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<readonly [number | null, NodeJS.Signals | null]>;
}

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly worker?: number;
  readonly pid?: number;
  readonly calls?: number;
}

describe('serve --workers', function () {
  this.timeout(60_000);

  let repo: FeatureRepo;
  let running: Program[] = [];
  let clients: OnlineFeaturesClient[] = [];

  beforeEach(() => {
    repo = createWhoRepo();
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

  function start(...args: readonly string[]): Program {
    const child = startProgram(['serve', '--repo', repo.path, ...args]);
    const { stdout, stderr } = collect(child);
    const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    const program = { child, stdout, stderr, ended };
    running.push(program);
    return program;
  }

  /** Two workers, and a client for each. */
  async function serve(...args: readonly string[]) {
    const program = start('--workers', '2', '--grpc-address', '127.0.0.1:0', ...args);
    const address = await eventually(() => / on (\S+)\n/.exec(program.stdout())?.[1], program);
    const first = connect(address);
    const pids = [await askWho(first)];
    const second = connect(address);
    pids.push(await askWho(second));
    return { ...program, address, first, second, pids };
  }

  /** A client with a connection of its own. */
  function connect(address: string): OnlineFeaturesClient {
    const client = createOnlineFeaturesClient(address, { 'grpc.use_local_subchannel_pool': 1 });
    clients.push(client);
    return client;
  }

  for (const server of Object.keys(grpcServers)) {
    it(`deals connections out in turn on ${server}, lets calls under way finish on SIGTERM, and counts them all`, async () => {
      repo.remove();
      repo = createWhoRepo({ grpc: { server } });
      const { address, first, second, pids, child, ended, stdout, stderr } = await serve();
      assert.match(stdout(), /^Sideboard \S+ serves project \S+ \(.*\) from \S+ by 2 workers on 127\.0\.0\.1:\d+\n$/);
      assert.notEqual(pids[0], pids[1]);
      for (const pid of [...pids, ...pids]) assert.equal(await askWho(connect(address)), pid);
      const ready = await eventually(() => {
        const lines = logOf(stderr()).filter(({ msg, worker }) => msg === 'ready' && worker !== undefined);
        return lines.length === 2 ? lines : undefined;
      });
      assert.deepEqual(new Set(ready.map(({ worker }) => worker)), new Set([1, 2]));
      assert.deepEqual(new Set(ready.map(({ pid }) => pid)), new Set(pids));

      const third = connect(address);
      const calls = [first, second, third].flatMap((client) => Array.from({ length: 20 }, () => askWho(client, 400)));
      await sleep(200);
      child.kill('SIGTERM');
      assert.deepEqual(new Set(await Promise.all(calls)), new Set(pids));
      assert.deepEqual(await ended, [0, null]);
      assert.deepEqual(pids.filter(isRunning), []);
      const stopped = logOf(stderr()).filter(({ msg }) => msg === 'stopped');
      const ofWorker = (number: number) => stopped.find(({ worker }) => worker === number)?.calls ?? 0;
      assert.equal(ofWorker(1) + ofWorker(2), 66);
      assert.ok(ofWorker(1) > 20 && ofWorker(2) > 20);
      assert.deepEqual(
        { ...stopped.at(-1), time: undefined },
        {
          level: 'info',
          time: undefined,
          calls: 66,
          failures: 0,
          olderKeyHits: 0,
          plansCompiled: 2,
          delayedReads: 0,
          msg: 'stopped',
        },
      );
    });
  }

  it('replaces workers that were killed: the other one serves meanwhile, and without one connections wait', async () => {
    const { address, first, second, pids, stderr } = await serve();
    const [killed = 0, other = 0] = pids;
    process.kill(killed, 'SIGKILL');
    assert.equal(await askWho(second), other);
    const replacement = await eventually(async () => {
      const pid = await askWho(connect(address));
      return pid === other ? undefined : pid;
    });
    assert.notEqual(replacement, killed);
    assert.ok([other, replacement].includes(await askWho(first)));
    const warnings = logOf(stderr()).filter(({ level }) => level === 'warn');
    const msg = 'a worker has ended and is replaced';
    assert.deepEqual(
      warnings.map((line) => ({ ...line, time: undefined })),
      [{ level: 'warn', time: undefined, worker: 1, code: null, signal: 'SIGKILL', msg }],
    );

    for (const pid of [replacement, other]) process.kill(pid, 'SIGKILL');
    await eventually(() => ([replacement, other].some(isRunning) ? undefined : true));
    assert.ok(![killed, replacement, other].includes(await askWho(connect(address))));
  });

  it('loses no call when a single worker is told to stop under load, and ends at once when it is told to stop twice', async () => {
    const { address, first, second, pids, child, ended } = await serve();
    let loaded = true;
    const calls = [0, 0, 0, 0];
    const callers = [first, second, connect(address), connect(address)].map(async (client, at) => {
      for (; loaded; calls[at] = (calls[at] ?? 0) + 1) await askWho(client, 5);
    });
    await sleep(200);
    process.kill(pids[0] ?? 0, 'SIGTERM');
    await eventually(() => (isRunning(pids[0] ?? 0) ? undefined : true));
    const before = [...calls];
    await eventually(() => (calls.every((count, at) => count > (before[at] ?? 0) + 10) ? true : undefined));
    loaded = false;
    await Promise.all(callers);

    const slow = assert.rejects(askWho(second, 4_000));
    await sleep(100);
    child.kill('SIGTERM');
    await sleep(100);
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [exitCodes.terminated.code, null]);
    await slow;
    await eventually(() => (pids.some(isRunning) ? undefined : true));
  });

  it('says once what is wrong, and ends with its exit code', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const taken = start('--workers', '3', '--grpc-address', `127.0.0.1:${port}`);
    assert.deepEqual(await taken.ended, [exitCodes.listen.code, null]);
    other.close();
    assert.match(taken.stderr(), /^error ADDRESS_IN_USE: .*\nhint: .*\n$/);

    rmSync(join(repo.path, 'data/registry.db'));
    const lacking = start('--workers', '3', '--grpc-address', '127.0.0.1:0');
    assert.deepEqual(await lacking.ended, [exitCodes.registry.code, null]);
    assert.match(lacking.stderr(), /^error REGISTRY_NOT_FOUND: .*\nhint: .*\n$/);

    repo.remove();
    repo = createWhoRepo({ workers: 65 });
    const wrong = start();
    assert.deepEqual(await wrong.ended, [exitCodes.config.code, null]);
    assert.match(wrong.stderr(), /^error CONFIG_INVALID: [^\n]*workers: expected a whole number from 1 to 64, got 65/);
    assert.equal(wrong.stderr().match(/error /g)?.length, 1);
  });

  it('gives up when no worker is left and none can be started', async () => {
    const { pids, ended, stderr } = await serve();
    rmSync(join(repo.path, 'data/registry.db'));
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    assert.deepEqual(await ended, [exitCodes.failure.code, null]);
    assert.match(stderr(), /\nerror NO_WORKER_LEFT: .*\nhint: .*\n$/);
  });

  it('serves on a Unix socket, drains when the supervising process is killed, and takes the socket over afterwards', async () => {
    const socket = join(repo.path, 's.sock');
    const { child, ended, first, second, pids } = await serve('--grpc-address', `unix:${socket}`);
    assert.notEqual(pids[0], pids[1]);
    assert.equal(statSync(socket).mode & 0o777, 0o660);
    const calls = [askWho(first, 400), askWho(second, 400)];
    await sleep(100);
    child.kill('SIGKILL');
    assert.deepEqual(await Promise.all(calls), pids);
    await eventually(() => (pids.some(isRunning) ? undefined : true));
    await ended;

    assert.ok(existsSync(socket));
    const next = await serve('--grpc-address', `unix:${socket}`);
    assert.ok(!next.pids.some((pid) => pids.includes(pid)));
    next.child.kill('SIGTERM');
    assert.deepEqual(await next.ended, [0, null]);
    assert.ok(!existsSync(socket));
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function logOf(stderr: string): readonly LogLine[] {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);
}

/** Looks again and again until there is something to see; fails with the program's output where there never is. */
async function eventually<T>(look: () => T | undefined | Promise<T | undefined>, program?: Program): Promise<T> {
  for (let waited = 0; waited < 20_000; waited += 20) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (program !== undefined && program.child.exitCode !== null) break;
    await sleep(20);
  }
  throw new Error(`not seen:\n${program?.stdout() ?? ''}${program?.stderr() ?? ''}`);
}
