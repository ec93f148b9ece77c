import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ChildServerOptions {
  readonly what: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Resolves once the server answers; tried again until it does. */
  readonly isUp: () => Promise<unknown>;
  readonly limitMs?: number;
}

export interface ChildServer {
  readonly pid: number;
  /** From just before the process was started to its first answer. */
  readonly firstAnswerMs: number;
  /** Asks it to end; makes it end when it does not. */
  stop(): Promise<void>;
}

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 10_000;
const TRY_EVERY_MS = 5;
const KEPT_OUTPUT = 4000;

/** Starts a server as a child process and waits until it answers. @throws Error with what it printed, when it does not */
export async function startChildServer(options: ChildServerOptions): Promise<ChildServer> {
  const began = performance.now();
  const spawnOptions: SpawnOptions = { stdio: ['ignore', 'pipe', 'pipe'], ...(options.env && { env: options.env }) };
  const child = spawn(options.command, [...options.args], spawnOptions);
  const output = keepOutput(child);
  const exited = once(child, 'exit').catch(() => {});
  try {
    await untilUp(child, options, began, output);
  } catch (error) {
    child.kill('SIGKILL');
    await exited;
    throw error;
  }
  const firstAnswerMs = performance.now() - began;
  return {
    pid: child.pid ?? 0,
    firstAnswerMs,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      await exited;
      clearTimeout(force);
    },
  };
}

/** A port of 127.0.0.1 that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

async function untilUp(
  child: ChildProcess,
  { what, isUp, limitMs = START_LIMIT_MS }: ChildServerOptions,
  began: number,
  output: () => string,
): Promise<void> {
  let spawnError: Error | undefined;
  child.on('error', (error) => {
    spawnError = error;
  });
  for (;;) {
    const reason = await isUp().then(
      () => undefined,
      (error: unknown) => String(error),
    );
    if (reason === undefined) return;
    const ended = spawnError !== undefined || child.exitCode !== null || child.signalCode !== null;
    if (ended || performance.now() - began > limitMs) {
      throw new Error(`${what} did not start: ${spawnError?.message ?? reason}\n${output()}`);
    }
    await sleep(TRY_EVERY_MS);
  }
}

function keepOutput(child: ChildProcess): () => string {
  let kept = '';
  const keep = (chunk: Buffer) => {
    kept = (kept + chunk).slice(-KEPT_OUTPUT);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return () => kept;
}
