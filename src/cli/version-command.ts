import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { packageVersion } from './package-version.ts';

export function addVersionCommand(program: Command, { io }: CommandContext): void {
  program
    .command('version')
    .summary('print versions')
    .description('Print the versions of Sideboard and Node.js, and the platform.')
    .addHelpText('after', '\nExamples:\n  $ sideboard version')
    .action(() => {
      io.out(`sideboard ${packageVersion()} (Node.js ${process.versions.node}, ${process.platform} ${process.arch})`);
    });
}
