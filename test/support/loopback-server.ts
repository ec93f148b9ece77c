import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'mocha';
import { run } from './feast-session.ts';
import { projectRoot } from './project-root.ts';
import { skipBecause } from './skip-because.ts';

/** Exit status of a setup script where the machine lacks the language that the server is written in. */
const CANNOT = 3;

/** Runs a setup script; skips the tests only where the machine cannot have what it sets up. */
export async function requireScript(context: Context, script: string, what: string): Promise<void> {
  const { status, output } = await run(join(projectRoot, 'scripts', script), []);
  if (status === 0) return;
  if (status === CANNOT && process.env.CI === undefined) skipBecause(context, `${what} cannot be installed here`);
  throw new Error(`scripts/${script} failed with status ${status}:\n${output}`);
}

export interface LoopbackServer {
  readonly port: number;
  stop(): Promise<void>;
}

export interface LoopbackServerOptions {
  readonly program: string;
  readonly args: (port: number) => readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Resolves to true when the server can be used. */
  readonly isUp: (port: number) => Promise<boolean>;
  readonly startLimitMs?: number;
}

/** Starts a server program on a free port of 127.0.0.1 and waits until it can be used. */
export async function startLoopbackServer(options: LoopbackServerOptions): Promise<LoopbackServer> {
  const port = await freePort();
  let output = '';
  const child = spawn(options.program, [...options.args(port)], {
    cwd: options.cwd ?? projectRoot,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-10_000);
    });
  }
  let failure: Error | undefined;
  child.on('error', (error) => {
    failure = error;
  });
  const end = Date.now() + (options.startLimitMs ?? 60_000);
  while (!(await options.isUp(port).catch(() => false))) {
    if (failure !== undefined || child.exitCode !== null || Date.now() > end) {
      child.kill('SIGKILL');
      throw new Error(`${options.program} did not start: ${failure?.message ?? output}`);
    }
    await sleep(50);
  }
  return { port, stop: () => endChild(child) };
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(killer);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
