import { SideboardError } from '../errors.ts';

/** What a command talks to: the process's streams, so that nothing else in the command line knows `process`. */
export interface Io {
  /** Results: what a caller may want to process further. */
  out(text: string): void;
  /**
   * As `out`, for a command that goes on for long: resolves when the system has taken the text, which is as it stands, and with false
   * where nobody reads any more.
   */
  send(text: string): Promise<boolean>;
  /** Everything else: errors, warnings, progress. */
  note(text: string): void;
  warn(message: string): void;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  readonly stdinIsTerminal: boolean;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Reads no more of `stdin`, whatever the other side does. */
  endInput(): void;
  readonly env: NodeJS.ProcessEnv;
  /** Width of the terminal in characters; 80 where there is none. */
  readonly columns: number;
}

export function createIo(process: NodeJS.Process): Io {
  const note = (text: string): void => {
    process.stderr.write(`${text}\n`);
  };
  return {
    out(text) {
      process.stdout.write(`${text}\n`);
    },
    send: (text) =>
      new Promise((resolve) => {
        process.stdout.write(text, (error) => resolve(error == null));
      }),
    note,
    warn: (message) => note(`warning: ${message}`),
    stdoutIsTerminal: process.stdout.isTTY === true,
    stderrIsTerminal: process.stderr.isTTY === true,
    stdinIsTerminal: process.stdin.isTTY === true,
    // Touched only by the commands that read it: an open standard input keeps the process alive.
    get stdin() {
      return process.stdin as AsyncIterable<Buffer>;
    },
    endInput() {
      process.stdin.destroy();
    },
    env: process.env,
    columns: process.stdout.columns ?? 80,
  };
}

/**
 * An error as the command line shows it: `error CODE: message`, the hint on a line of its own. The stack and the causes are for
 * `--verbose` only.
 */
export function errorText(error: unknown, verbose: boolean): string {
  const lines: string[] = [];
  if (error instanceof SideboardError) {
    lines.push(`error ${error.code}: ${error.message}`);
    if (error.hint !== undefined) lines.push(`hint: ${error.hint}`);
  } else {
    const message = error instanceof Error ? error.message : String(error);
    lines.push(`error INTERNAL: ${message}`);
    if (!verbose) lines.push('hint: This is not a failure that Sideboard foresees. --verbose shows where it happened.');
  }
  if (verbose) for (let each = error; each instanceof Error; each = each.cause) lines.push(each.stack ?? each.message);
  return lines.join('\n');
}
