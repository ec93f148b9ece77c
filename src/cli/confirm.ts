import { createInterface } from 'node:readline/promises';
import { CliError } from './cli-error.ts';
import type { Io } from './io.ts';

/**
 * Asks a question on the terminal that only the given word answers with yes.
 * @throws CliError `CLI_NOT_CONFIRMED` on any other answer, or where there is no terminal to ask on
 */
export async function confirm(io: Io, question: string, word: string): Promise<void> {
  if (!canAsk(io)) {
    throw new CliError('CLI_NOT_CONFIRMED', 'There is no terminal to ask on.', {
      hint: 'Give --yes to confirm.',
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C and Ctrl-D close the terminal without an answer.
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  terminal.once('SIGINT', () => terminal.close());
  const answer = await Promise.race([terminal.question(`${question} Type ${word} to go on: `).catch(() => ''), closed]);
  terminal.close();
  if (answer === '') io.note('');
  if (answer.trim() !== word) throw new CliError('CLI_NOT_CONFIRMED', 'Not confirmed: nothing was removed.');
}

export function canAsk(io: Io): boolean {
  return io.stdinIsTerminal && io.stderrIsTerminal;
}
