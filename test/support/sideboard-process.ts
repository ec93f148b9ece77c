import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectRoot } from './project-root.ts';

/** How a command of the `sideboard` program ended. */
export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running `sideboard serve`. */
export interface ServingProcess {
  /** `127.0.0.1:<port>` */
  readonly address: string;
  /** What it has printed so far, both streams. */
  output(): string;
  /** Asks it to stop, as a container runtime does. @returns its exit status */
  stop(): Promise<number | null>;
}

const READY_WITHIN_MS = 30_000;

/** What runs the program: Node and its arguments. */
export type ProgramCommand = readonly [node: string, ...args: string[]];

/** The program as it is shipped, after `npm run build`. */
export const shippedProgram: ProgramCommand = [process.execPath, join(projectRoot, 'dist/main.js')];

/** The program with a file for each module: its sources, or compiled, as the tests themselves run. */
export const fileByFileProgram: ProgramCommand = import.meta.url.endsWith('.ts')
  ? [process.execPath, '--import', 'tsx', join(projectRoot, 'src/cli/main.ts')]
  : [process.execPath, join(projectRoot, 'build/src/cli/main.js')];

/** The program as it is shipped, or its sources where the tests run from theirs. */
export function programCommand(): ProgramCommand {
  return import.meta.url.endsWith('.ts') ? fileByFileProgram : shippedProgram;
}

/** The program; `env` is added to this process's. */
export function startProgram(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  command: ProgramCommand = programCommand(),
): ChildProcess {
  const [node, ...main] = command;
  return spawn(node, [...main, ...args], {
    cwd: projectRoot,
    // The usual port for probes is one, and tests run many servers.
    env: { ...process.env, SIDEBOARD_ADMIN_ADDRESS: 'off', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Runs a command to its end. */
export async function runSideboard(...args: readonly string[]): Promise<Finished> {
  const child = startProgram(args);
  const out = collect(child);
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout: out.stdout(), stderr: out.stderr() };
}

/** Starts `sideboard serve` on a free port and waits until it says that it is ready. */
export function startSideboard(repo: string, ...args: readonly string[]): Promise<ServingProcess> {
  return startSideboardWith({}, repo, ...args);
}

/** As {@link startSideboard}, with variables of the environment. */
export function startSideboardWith(
  env: NodeJS.ProcessEnv,
  repo: string,
  ...args: readonly string[]
): Promise<ServingProcess> {
  return startServing(programCommand(), env, repo, ...args);
}

/** As {@link startSideboardWith}, by a command of one's own. */
export async function startServing(
  command: ProgramCommand,
  env: NodeJS.ProcessEnv,
  repo: string,
  ...args: readonly string[]
): Promise<ServingProcess> {
  const child = startProgram(['serve', '--repo', repo, '--grpc-address', '127.0.0.1:0', ...args], env, command);
  const out = collect(child);
  const output = () => out.stdout() + out.stderr();
  const closed = once(child, 'close') as Promise<[number | null]>;
  let ended = false;
  closed.then(
    () => {
      ended = true;
    },
    () => {
      ended = true;
    },
  );
  const giveUp = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const port = / on 127\.0\.0\.1:([1-9]\d*)/.exec(out.stdout())?.[1];
    if (port !== undefined) {
      const stop = async () => {
        child.kill('SIGTERM');
        const [status] = await closed;
        return status;
      };
      return { address: `127.0.0.1:${port}`, output, stop };
    }
    if (ended || Date.now() > giveUp) {
      child.kill('SIGKILL');
      throw new Error(`sideboard serve did not become ready:\n${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What a process prints, as far as it has come. */
export function collect(child: ChildProcess): { stdout(): string; stderr(): string } {
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout?.on('data', (chunk: Buffer) => chunks.stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => chunks.stderr.push(chunk));
  return {
    stdout: () => Buffer.concat(chunks.stdout).toString(),
    stderr: () => Buffer.concat(chunks.stderr).toString(),
  };
}
