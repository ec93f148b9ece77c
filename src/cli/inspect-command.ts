import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

export interface InspectOptions {
  readonly json?: boolean;
}

export function addInspectCommand(program: Command, context: CommandContext): void {
  program
    .command('inspect')
    .summary('list views, services and entities')
    .description('List what the registry serves: views with features and types, services, entities.')
    .argument('[name]', 'a single view or service')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ sideboard inspect
  $ sideboard inspect driver_stats
  $ sideboard inspect --json | jq -r '.views[].name'`,
    )
    .action(async (name: string | undefined, options: InspectOptions) => {
      const { inspect } = await import('./inspect.ts');
      await inspect(name, options, context);
    });
}
