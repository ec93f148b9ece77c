import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { projectRoot } from '../../support/project-root.ts';
import { collect } from '../../support/sideboard-process.ts';
import { until } from '../../support/until.ts';
import type { FigureSheet } from '../harness/figures.ts';
import type { RowContext } from '../harness/row.ts';
import { fetchMetrics, type Metrics } from './metrics.ts';

/** What the container image gives to Node, for rows that look at the memory of a whole process. */
export const IMAGE_NODE_OPTIONS = '--max-semi-space-size=8 --max-old-space-size=512';

export interface ProductOptions {
  readonly repo: string;
  /** Further options of `sideboard serve`. */
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Options of Node itself. */
  readonly nodeArgs?: readonly string[];
  /** `127.0.0.1:0` by default. */
  readonly grpcAddress?: string;
  /** A command that the program is given to, as its last arguments; it has to become the program (`exec`). */
  readonly wrapper?: readonly string[];
  /** Pins the process to this core, where the machine has several. */
  readonly core?: number;
}

/** A running `sideboard serve`, in a process of its own. */
export interface Product {
  readonly pid: number;
  /** Where features are served: `127.0.0.1:<port>` or `unix:/path`. */
  readonly address: string;
  /** Where probes are served. */
  readonly admin: string;
  metrics(): Promise<Metrics>;
  readyz(): Promise<{ readonly status: number; readonly text: string }>;
  /** What it has printed so far, both streams. */
  output(): string;
  isRunning(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM. @returns its exit status; none where the signal ended it */
  stop(): Promise<number | null>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** How it ended. */
  readonly ended: Promise<readonly [number | null, NodeJS.Signals | null]>;
}

const READY_WITHIN_MS = 60_000;

/** Starts the program of the row and waits until it serves. It is ended behind the row. */
export async function startProduct(context: RowContext, options: ProductOptions): Promise<Product> {
  const node = [process.execPath, ...(options.nodeArgs ?? []), context.program.main];
  const pinned = options.core === undefined ? [] : ['taskset', '-c', `${options.core}`];
  const [command = '', ...args] = [...(options.wrapper ?? []), ...pinned, ...node];
  const child = spawn(
    command,
    [
      ...args,
      'serve',
      '--repo',
      options.repo,
      '--grpc-address',
      options.grpcAddress ?? '127.0.0.1:0',
      '--admin-address',
      '127.0.0.1:0',
      ...(options.args ?? []),
    ],
    { cwd: projectRoot, env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const streams = collect(child);
  const output = (): string => streams.stdout() + streams.stderr();
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  context.cleanUp(kill);
  const seen = (pattern: RegExp, text: () => string): Promise<string> =>
    until(
      () => {
        const found = pattern.exec(text())?.[1];
        if (found === undefined && !isRunning()) throw new Error(`sideboard serve has ended:\n${output()}`);
        return found;
      },
      output,
      READY_WITHIN_MS,
    );
  const admin = await seen(/"admin":"([^"]+)"/, streams.stderr);
  const address = await seen(/ on (\S+)\n/, streams.stdout);
  return {
    pid: child.pid ?? 0,
    address,
    admin,
    metrics: () => fetchMetrics(admin),
    async readyz() {
      const response = await fetch(`http://${admin}/readyz`);
      return { status: response.status, text: await response.text() };
    },
    output,
    isRunning,
    signal: (signal) => child.kill(signal),
    async stop() {
      child.kill('SIGTERM');
      const [status] = await ended;
      return status;
    },
    kill,
    ended,
  };
}

/** Asks the product to stop, and judges what no row may bring about: an exit, an unhandled rejection. */
export async function judgeProduct(sheet: FigureSheet, product: Product): Promise<void> {
  const wasRunning = product.isRunning();
  const status = wasRunning ? await product.stop() : (await product.ended)[0];
  sheet.holds(
    'the process',
    wasRunning && status === 0,
    'serves to the end, exits with 0',
    `${wasRunning ? 'served to the end' : 'ended by itself'}, status ${status}`,
  );
  const slips = product.output().match(/unhandled|uncaught|unforeseen|ERR_INTERNAL/gi) ?? [];
  sheet.none('unhandled errors in its log', slips.length, [product.output().slice(-1_000)]);
}
