import { CommanderError } from 'commander';
import { errorText, type Io } from './io.ts';
import { createProgram, usageErrorFrom } from './program.ts';

/**
 * Runs one command line.
 * @param args what stands behind the name of the program
 * @returns the exit code
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const outcome = { code: 0 };
  const program = createProgram(io, (code) => {
    outcome.code = code;
  });
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: 'user' });
  } catch (caught) {
    const error = caught instanceof CommanderError ? usageErrorFrom(caught, program) : caught;
    if (error === undefined) return 0;
    io.note(errorText(error, program.opts<{ verbose?: boolean }>().verbose === true));
    // Loaded only now: it knows the errors of every layer, and most runs need none of them.
    const { exitClassOf, exitCodes } = await import('./exit-codes.ts');
    return exitCodes[exitClassOf(error)].code;
  }
  return outcome.code;
}
