import type { ApplyOptions } from './apply-command.ts';
import { applyDefinitions } from './apply-definitions.ts';
import { applyRegistry } from './apply-registry.ts';
import { CliError } from './cli-error.ts';
import type { CommandContext } from './command-context.ts';
import { loadProjectConfig } from './project-config.ts';

/** Makes registry and store fit the definitions; without definitions the store fit the registry. */
export async function apply(options: ApplyOptions, context: CommandContext): Promise<void> {
  if (options.detailedExitcode === true && options.dryRun !== true) {
    throw new CliError('CLI_USAGE', '--detailed-exitcode tells of a plan: give --dry-run too.');
  }
  const config = await loadProjectConfig(context.globals(), context.io.env);
  if (!(await applyDefinitions(config, options, context))) await applyRegistry(options, context);
}
