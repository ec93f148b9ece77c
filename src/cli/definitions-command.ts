import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

export interface DefinitionsOptions {
  readonly schema?: boolean;
}

export function addDefinitionsCommand(program: Command, context: CommandContext): void {
  program
    .command('definitions')
    .summary('print definitions in YAML of what the registry holds')
    .description(
      'Print definitions in YAML of what the registry holds, whoever wrote it. What they cannot say exactly is left out and told.',
    )
    .option('--schema', 'print the JSON Schema of definitions in place of them')
    .addHelpText(
      'after',
      `
Examples:
  $ sideboard definitions > definitions.yaml
  $ sideboard definitions --schema > definitions.schema.json`,
    )
    .action(async (options: DefinitionsOptions) => {
      const { definitions } = await import('./definitions.ts');
      await definitions(options, context);
    });
}
