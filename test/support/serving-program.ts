import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { collect, startProgram } from './sideboard-process.ts';

/** What `/readyz` says. */
export interface Readyz {
  readonly status: number;
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly reason?: string }>>;
  readonly workers?: Readonly<Record<string, Readyz>>;
}

/** A running `sideboard serve` with its port for probes. */
export interface ServingProgram {
  readonly child: ChildProcess;
  /** Where probes are served. */
  readonly admin: string;
  /** Waits until features are served. @returns where */
  ready(): Promise<string>;
  readyz(): Promise<Readyz>;
  /** Asks for a page of the admin port. @returns its status and text */
  page(
    path: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ status: number; type: string; text: string }>;
  output(): string;
  readonly ended: Promise<readonly [number | null, NodeJS.Signals | null]>;
  /** Ends it at once. */
  kill(): Promise<void>;
}

/** Starts `sideboard serve`, and waits until its probes are served. */
export function startServing(repo: string, ...args: readonly string[]): Promise<ServingProgram> {
  return startServingWith({}, repo, ...args);
}

/** As {@link startServing}, with variables of the environment. */
export async function startServingWith(
  env: NodeJS.ProcessEnv,
  repo: string,
  ...args: readonly string[]
): Promise<ServingProgram> {
  const free = ['--grpc-address', '127.0.0.1:0', '--admin-address', '127.0.0.1:0'];
  const child = startProgram(['serve', '--repo', repo, ...free, ...args], env);
  const { stdout, stderr } = collect(child);
  const output = (): string => stdout() + stderr();
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const seen = (pattern: RegExp, text: () => string): Promise<string> =>
    eventually(() => {
      const found = pattern.exec(text())?.[1];
      if (found === undefined && !isRunning()) throw new Error(`sideboard serve has ended:\n${output()}`);
      return found;
    }, output);
  const admin = await seen(/"admin":"([^"]+)"/, stderr);
  const page: ServingProgram['page'] = async (path, headers = {}) => {
    const response = await fetch(`http://${admin}${path}`, { headers });
    return { status: response.status, type: response.headers.get('content-type') ?? '', text: await response.text() };
  };
  return {
    child,
    admin,
    ready: () => seen(/ on (\S+)\n/, stdout),
    page,
    async readyz() {
      const { status, text } = await page('/readyz');
      return { status, ...(JSON.parse(text) as Omit<Readyz, 'status'>) };
    },
    output,
    ended,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Looks again and again until there is something to see. */
export async function eventually<T>(
  look: () => T | undefined | Promise<T | undefined>,
  what: () => string,
): Promise<T> {
  for (const giveUp = Date.now() + 30_000; Date.now() < giveUp; ) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`not seen:\n${what()}`);
}
