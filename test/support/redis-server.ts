import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';

const START_LIMIT_MS = 10_000;

export interface RedisServer {
  readonly port: number;
  /** Its working folder, where a test may put files that its options name. */
  readonly folder: string;
  /** A raw client, for what a test puts into the database and looks up there. */
  readonly client: Redis;
  /** Ends the process; the folder and the port stay for {@link start}. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops and continues the process without closing its connections. */
  pause(): void;
  resume(): void;
  /** Ends the process and removes the folder. */
  remove(): Promise<void>;
}

export interface RedisServerOptions {
  /** Options of the command line, after `--port`, `--bind`, `--dir` and the ones that turn saving off. */
  readonly args?: readonly string[];
  /** How the raw client connects; what it needs beyond host and port. */
  readonly client?: Pick<RedisOptions, 'username' | 'password' | 'tls' | 'enableReadyCheck'>;
  /** For a server that only speaks TLS. */
  readonly plainPort?: boolean;
  /** Resolves when the server can be used; pings by default. */
  readonly isUp?: (client: Redis) => Promise<unknown>;
  readonly folder?: string;
}

/** Starts a real `redis-server` on a free port of 127.0.0.1. */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = await findFreePort();
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'sideboard-redis-'));
  const client = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    protocol: 2 as const,
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
    ...options.client,
  });
  client.on('error', () => {});
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const ports = options.plainPort === false ? ['--port', '0', '--tls-port', `${port}`] : ['--port', `${port}`];
    const fixed = ['--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
    child = spawnRedis([...ports, ...fixed, ...(options.args ?? [])]);
    const isUp = options.isUp ?? ((each) => each.ping());
    await waitFor(() => isUp(client), `redis-server on port ${port}`, child);
  };
  const stop = async (): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending !== undefined) await endProcess(ending);
  };
  const remove = async (): Promise<void> => {
    client.disconnect();
    await stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    port,
    folder,
    client,
    start,
    stop,
    pause: () => child?.kill('SIGSTOP'),
    resume: () => child?.kill('SIGCONT'),
    remove,
  };
}

/** Runs `redis-server`, from Debian's package of that name. Its output is kept for the message when it ends early. */
export function spawnRedis(args: readonly string[]): ChildProcess & { output?: string } {
  const child: ChildProcess & { output?: string } = spawn('redis-server', [...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.output = '';
  const collect = (chunk: Buffer): void => {
    child.output = `${child.output}${chunk}`.slice(-2000);
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  child.on('error', (error) => {
    child.output = `redis-server cannot be started: install the package redis-server (${error.message}).`;
  });
  return child;
}

/** Repeats `attempt` until it succeeds; fails at once when the process has ended. */
export async function waitFor(
  attempt: () => Promise<unknown>,
  what: string,
  child?: ChildProcess & { output?: string },
): Promise<void> {
  const giveUpAt = Date.now() + START_LIMIT_MS;
  for (;;) {
    let reason: unknown;
    try {
      await Promise.race([attempt(), sleep(1000).then(() => Promise.reject(new Error('no answer')))]);
      return;
    } catch (error) {
      reason = error;
    }
    const ended = child !== undefined && (child.exitCode !== null || child.pid === undefined);
    if (ended || Date.now() > giveUpAt)
      throw new Error(`${what} did not start: ${child?.output ?? ''} ${String(reason)}`);
    await sleep(20);
  }
}

export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGCONT');
  child.kill('SIGKILL');
  await ended;
}

export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
