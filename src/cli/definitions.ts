import { definitionsFromRegistry } from '../definitions/definitions-from-registry.ts';
import { definitionsJsonSchema } from '../definitions/definitions-json-schema.ts';
import { createRegistrySnapshot } from '../registry/snapshot-from-proto.ts';
import type { CommandContext } from './command-context.ts';
import type { DefinitionsOptions } from './definitions-command.ts';
import { loadRegistry } from './load-registry.ts';
import { loadProjectConfig } from './project-config.ts';

/** Prints definitions of what the registry holds. The store is not asked. */
export async function definitions({ schema }: DefinitionsOptions, { io, globals }: CommandContext): Promise<void> {
  if (schema === true) {
    io.out(JSON.stringify(definitionsJsonSchema(), undefined, 2));
    return;
  }
  const config = await loadProjectConfig(globals(), io.env);
  const registry = await loadRegistry(config, io.env);
  // Says where the project is missing.
  const { project } = createRegistrySnapshot(registry, config.project, 0, () => {});
  const { text, leftOut } = definitionsFromRegistry(registry, project);
  for (const message of leftOut) io.warn(message);
  io.out(text.trimEnd());
}
