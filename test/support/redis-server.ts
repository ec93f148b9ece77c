import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** A redis-server of its own for one suite, empty, on a free port of 127.0.0.1. */
export interface RedisServer {
  readonly port: number;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 10_000;

/** Starts the machine's redis-server. @throws Error when it is not installed or does not answer */
export async function startRedisServer(...args: readonly string[]): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'sideboard-redis-'));
  const port = await freePort();
  const common = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', [...common, ...args], { stdio: 'ignore' });
  const stop = async () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.race([answers(port), failure(child)]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, stop };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function answers(port: number): Promise<void> {
  const redis = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 20, maxRetriesPerRequest: null });
  // Refused connections are expected until the server listens.
  redis.on('error', () => {});
  const timeout = setTimeout(() => redis.disconnect(), READY_WITHIN_MS);
  try {
    await redis.ping();
  } finally {
    clearTimeout(timeout);
    redis.disconnect();
  }
}

async function failure(child: ChildProcess): Promise<never> {
  const [reason] = await Promise.race([once(child, 'exit'), once(child, 'error').catch((error: unknown) => [error])]);
  if (reason instanceof Error) {
    throw new Error('redis-server cannot be started; scripts/install-test-servers.sh installs it', { cause: reason });
  }
  throw new Error(`redis-server ended with status ${String(reason)} before it answered`);
}
