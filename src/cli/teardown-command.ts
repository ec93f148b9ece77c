import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

export interface TeardownOptions {
  readonly yes?: boolean;
}

export function addTeardownCommand(program: Command, context: CommandContext): void {
  program
    .command('teardown')
    .summary('remove the project from the online store')
    .description(
      'Remove everything of the project from the online store: the rows of all its views, and what was left over of ' +
        'earlier ones where the store can tell. A project with definitions is removed from the registry file too; a registry ' +
        'of Feast stays. Asks on a terminal, and needs --yes elsewhere.',
    )
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
Examples:
  $ sideboard teardown
  $ sideboard teardown --repo my_project --yes`,
    )
    .action(async (options: TeardownOptions) => {
      const { teardown } = await import('./teardown.ts');
      await teardown(options, context);
    });
}
