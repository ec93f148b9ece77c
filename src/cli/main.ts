#!/usr/bin/env node
import { useCompileCache } from './compile-cache.ts';
import { endBySignals } from './first-process.ts';

endBySignals(process);
useCompileCache();

/** How long what a client library left open may keep a finished process alive. */
const LINGER_MS = 1_000;

// The reader of the output may be gone (`sideboard inspect | head`): there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
process.stderr.on('error', () => {});

// Imported here, so that the cache knows every module.
const [{ createIo }, { run }] = await Promise.all([import('./io.ts'), import('./run.ts')]);
process.exitCode = await run(process.argv.slice(2), createIo(process));
setTimeout(() => process.exit(), LINGER_MS).unref();
