import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

export interface DoctorOptions {
  readonly json?: boolean;
}

export function addDoctorCommand(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .summary('check what serving needs')
    .description(
      'Check what serving needs: configuration, registry, store, tables, and a sample of the stored rows. Changes ' +
        'nothing. The exit code is that of the first check that failed; warnings do not count.',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ sideboard doctor --repo my_project
  $ sideboard doctor --json | jq '.[] | select(.result != "ok")'`,
    )
    .action(async (options: DoctorOptions) => {
      const { doctor } = await import('./doctor.ts');
      await doctor(options, context);
    });
}
