import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

export interface ApplyOptions {
  readonly previousRegistry?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export function addApplyCommand(program: Command, context: CommandContext): void {
  program
    .command('apply')
    .summary('create and remove what the views need in the online store')
    .description(
      'Make the online store fit the registry: create what its views need, and remove what belongs to views that went ' +
        'away. The registry itself is not changed. Removing asks on a terminal, and needs --yes elsewhere.',
    )
    .option(
      '--previous-registry <file>',
      'an earlier registry file of the project: what it has and the registry has not went away',
    )
    .option('--dry-run', 'only say what would be done')
    .option('--yes', 'remove without asking')
    .addHelpText(
      'after',
      `
Examples:
  $ sideboard apply --dry-run
  $ sideboard apply --yes
  $ sideboard apply --previous-registry registry.before.db --yes`,
    )
    .action(async (options: ApplyOptions) => {
      const { apply } = await import('./apply.ts');
      await apply(options, context);
    });
}
