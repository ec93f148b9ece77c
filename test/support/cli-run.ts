import type { Io } from '../../src/cli/io.ts';
import { run } from '../../src/cli/run.ts';

/** How a command line ended that ran in this process. */
export interface CliRun {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliRunOptions {
  /** What stands on standard input. */
  readonly input?: string | Uint8Array;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a command line as the program does, without a terminal, but in this process: no command but `serve` outlives its work. */
export async function runCli(args: readonly string[], options: CliRunOptions = {}): Promise<CliRun> {
  const out: string[] = [];
  const err: string[] = [];
  const note = (text: string): void => void err.push(`${text}\n`);
  const io: Io = {
    out: (text) => void out.push(`${text}\n`),
    send: async (text) => out.push(text) > 0,
    endInput() {},
    note,
    warn: (message) => note(`warning: ${message}`),
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    stdinIsTerminal: false,
    stdin: bytesOf(options.input ?? ''),
    env: options.env ?? {},
    columns: 80,
  };
  const status = await run(args, io);
  return { status, stdout: out.join(''), stderr: err.join('') };
}

async function* bytesOf(text: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield typeof text === 'string' ? Buffer.from(text) : text;
}
