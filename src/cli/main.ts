#!/usr/bin/env node
import { CommanderError } from 'commander';
import { createIo, errorText } from './io.ts';
import { createProgram, usageErrorFrom } from './program.ts';

const io = createIo(process);

// Whoever read the output may be gone (`sideboard inspect | head`): there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
process.stderr.on('error', () => {});

const program = createProgram(io);

try {
  if (process.argv.length <= 2) program.outputHelp();
  else await program.parseAsync();
} catch (caught) {
  const error = caught instanceof CommanderError ? usageErrorFrom(caught, program) : caught;
  if (error !== undefined) {
    // Loaded only now: it knows every layer, and most runs never need it.
    const { exitClassOf, exitCodes } = await import('./exit-codes.ts');
    io.note(errorText(error, program.opts<{ verbose?: boolean }>().verbose === true));
    process.exitCode = exitCodes[exitClassOf(error)].code;
  }
}
