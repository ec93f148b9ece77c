import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

export interface ApplyOptions {
  readonly previousRegistry?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
  readonly detailedExitcode?: boolean;
}

export function addApplyCommand(program: Command, context: CommandContext): void {
  program
    .command('apply')
    .summary('apply definitions, and make the online store fit them')
    .description(
      'Make registry and online store fit the definitions of the project (definitions.yaml): show what is to be created, ' +
        'changed and deleted, and do it. A project without definitions has its registry from Feast: then the online store ' +
        'alone is made to fit it. Deleting asks on a terminal, and needs --yes elsewhere.',
    )
    .option('--dry-run', 'only say what would be done')
    .option('--detailed-exitcode', 'with --dry-run, end with 8 where there is something to change')
    .option('--yes', 'delete without asking')
    .option('--json', 'print the plan as JSON')
    .option(
      '--previous-registry <file>',
      'without definitions: an earlier registry file of the project; what it has and the registry has not went away',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ sideboard apply --dry-run
  $ sideboard apply --yes
  $ sideboard apply --dry-run --json | jq .counts
  $ sideboard apply --previous-registry registry.before.db --yes`,
    )
    .action(async (options: ApplyOptions) => {
      const { apply } = await import('./apply.ts');
      await apply(options, context);
    });
}
