import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpuMsOf, peakResidentMb } from '../measure/process-cpu.ts';

export interface CommandFigures {
  /** From the start of the process to its end. */
  readonly seconds: number;
  /** CPU time of the process's own and of its threads, user and system. */
  readonly cpuSeconds: number;
  /** The kernel's high-water mark of the process's resident memory, in MB. */
  readonly peakMb: number;
}

const LOOK_EVERY_MS = 10;
const KEPT_OUTPUT = 4000;

/** Runs a command to its end. @throws Error with the end of what it printed, when its status is not 0 */
export async function runCommand(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<CommandFigures> {
  const began = performance.now();
  const child = spawn(command, [...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk).slice(-KEPT_OUTPUT);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let peakMb = 0;
  let cpuMs = 0;
  const looking = setInterval(() => {
    peakMb = Math.max(peakMb, peakResidentMb([child.pid ?? 0]));
    cpuMs = Math.max(cpuMs, cpuMsOf([child.pid ?? 0]));
  }, LOOK_EVERY_MS);
  try {
    const [status, signal] = (await once(child, 'close')) as [number | null, string | null];
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status ?? signal}:\n${output}`);
    return { seconds: (performance.now() - began) / 1000, cpuSeconds: cpuMs / 1000, peakMb };
  } finally {
    clearInterval(looking);
  }
}
