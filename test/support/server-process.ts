import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { endProcess } from './redis-server.ts';

/** A server program of the system, started by a test and ended by its process id. */
export interface ServerProcess {
  /** Resolves when `isUp` succeeds. */
  start(): Promise<void>;
  /** Kills the process, as a crash would. */
  kill(): Promise<void>;
  /** Stops and continues the process without closing its connections. */
  pause(): void;
  resume(): void;
}

export interface ServerProcessOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Ids of the user to run it as, where that is not the user of the tests. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  readonly isUp: () => Promise<unknown>;
}

// Starting a database takes a second or two; a machine that runs everything at once is slower.
const START_LIMIT_MS = 60_000;
const END_LIMIT_MS = 10_000;

export function createServerProcess(options: ServerProcessOptions): ServerProcess {
  let child: ChildProcess | undefined;
  let output = '';
  return {
    async start() {
      const { program, args, user = {} } = options;
      output = '';
      const started = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'], ...user });
      child = started;
      for (const stream of [started.stdout, started.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          output = `${output}${chunk}`.slice(-3000);
        });
      }
      started.on('error', (error) => {
        output += `${error.message}: run scripts/install-test-servers.sh`;
      });
      const giveUpAt = Date.now() + START_LIMIT_MS;
      for (;;) {
        try {
          await options.isUp();
          return;
        } catch (error) {
          const ended = started.exitCode !== null || started.signalCode !== null || started.pid === undefined;
          if (ended || Date.now() > giveUpAt) throw new Error(`${program} did not start: ${output} ${String(error)}`);
        }
        await sleep(50);
      }
    },
    async kill() {
      const ending = child;
      child = undefined;
      if (ending === undefined) return;
      const children = childrenOf(ending.pid);
      await endProcess(ending);
      signal(children, 'SIGKILL');
      // What they share with their parent is in use until they have ended.
      const giveUpAt = Date.now() + END_LIMIT_MS;
      while (children.some(isRunning) && Date.now() < giveUpAt) await sleep(10);
    },
    pause() {
      // The parent first: it must not miss its children.
      child?.kill('SIGSTOP');
      signal(childrenOf(child?.pid), 'SIGSTOP');
    },
    resume() {
      signal(childrenOf(child?.pid), 'SIGCONT');
      child?.kill('SIGCONT');
    },
  };
}

/** PostgreSQL has a process per connection, each in a group of its own. */
function childrenOf(parent: number | undefined): number[] {
  try {
    return readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').split(' ').map(Number).filter(Boolean);
  } catch {
    return [];
  }
}

/** False for a process that has ended, whether or not anybody has asked how. */
function isRunning(pid: number): boolean {
  try {
    const [, state] = /\) (\w) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended by itself.
    }
  }
}

/** Runs a program to its end; what it printed is in the error when it fails. */
export function runProgram(
  program: string,
  args: readonly string[],
  user: { readonly uid: number; readonly gid: number } | undefined,
): void {
  const { status, stdout, stderr, error } = spawnSync(program, [...args], { encoding: 'utf8', ...user });
  if (status !== 0) throw new Error(`${program} failed: ${error?.message ?? ''} ${stdout} ${stderr}`);
}

/**
 * One server for all test files of a run, started by the first that asks and ended behind the last test.
 * Call it at the top level of a module.
 */
export function sharedByTheRun<T extends { remove(): Promise<void> }>(start: () => Promise<T>): () => Promise<T> {
  let shared: Promise<T> | undefined;
  // Outside mocha nobody shares it.
  globalThis.after?.(async () => {
    await (await shared?.catch(() => undefined))?.remove();
  });
  return () => {
    shared ??= start();
    return shared;
  };
}
