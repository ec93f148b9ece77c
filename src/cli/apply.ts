import { RegistryError } from '../registry/registry-error.ts';
import type { ApplyOptions } from './apply-command.ts';
import { applyDefinitions } from './apply-definitions.ts';
import { applyRegistry } from './apply-registry.ts';
import { CliError } from './cli-error.ts';
import type { CommandContext } from './command-context.ts';
import { loadProjectConfig } from './project-config.ts';

/** Makes registry and store fit the definitions; without definitions the store fit the registry. */
export async function apply(options: ApplyOptions, context: CommandContext): Promise<void> {
  if (options.detailedExitcode === true && options.dryRun !== true) {
    throw new CliError('CLI_USAGE', '--detailed-exitcode is for plans: give --dry-run too.');
  }
  const config = await loadProjectConfig(context.globals(), context.io.env);
  if (await applyDefinitions(config, options, context)) return;
  try {
    await applyRegistry(options, context);
  } catch (error) {
    throw options.previousRegistry === undefined ? withoutDefinitions(error) : error;
  }
}

/** A registry that is not there is made by this very command, where there are definitions. */
function withoutDefinitions(error: unknown): unknown {
  if (!(error instanceof RegistryError) || error.code !== 'REGISTRY_NOT_FOUND') return error;
  return new RegistryError(error.code, `${error.message} The project has no definitions to make it from.`, {
    hint: 'Write definitions.yaml beside feature_store.yaml, run `feast apply`, or correct `registry` in feature_store.yaml.',
    cause: error,
  });
}
