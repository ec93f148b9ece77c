import { loadDefinitions } from '../definitions/load-definitions.ts';
import { assertProjectRemovable, removeProject } from '../registry/writing/remove-project.ts';
import type { OnlineTable } from '../stores/online-store.ts';
import { onlineEntitiesOfSnapshot } from '../stores/online-table.ts';
import type { CommandContext } from './command-context.ts';
import { type OpenProject, openProject } from './composition.ts';
import { confirm } from './confirm.ts';
import { registryFileFromConfig } from './registry-file-from-config.ts';
import { planStore, tablesOfEveryVersion } from './store-plan.ts';
import type { TeardownOptions } from './teardown-command.ts';

/** So long another process may take that records something in the registry. */
const waitMs = 10_000;

/** Removes a project from its store, and from the registry where the project has definitions. */
export async function teardown(options: TeardownOptions, { io, globals }: CommandContext): Promise<void> {
  const project = await openProject({ location: globals(), env: io.env, warn: io.warn });
  try {
    const { config } = project;
    const { project: name } = config;
    const hasDefinitions = (await loadDefinitions(config, { env: io.env })) !== undefined;
    const file = hasDefinitions ? registryFileFromConfig(config) : undefined;
    const current = await file?.read();
    if (current !== undefined) assertProjectRemovable(current, `registry file ${file?.path ?? ''}`, name);
    const tables = await tablesToRemove(project);
    if (tables.length === 0 && file === undefined) {
      io.note(`The online store holds nothing of project ${name}.`);
      return;
    }
    const names = tables.map((table) => table.name).join(', ');
    if (options.yes !== true) {
      const rows = tables.length === 0 ? [] : [`from the ${config.onlineStore.type} store every row of: ${names}`];
      const objects = file === undefined ? [] : [`from the registry the project ${name} with all that it has`];
      await confirm(io, `This removes ${[...rows, ...objects].join('; ')}.`, name);
    }
    const removeRows = async (): Promise<void> => {
      if (tables.length === 0) return;
      await project.store.teardown(tables, onlineEntitiesOfSnapshot(project.registry.current()));
    };
    if (file === undefined) {
      await removeRows();
    } else {
      // The store first: a registry that still names the views is what tells the next attempt which rows to remove.
      await file.update(
        async (registry) => {
          const bytes = registry && removeProject(registry, `registry file ${file.path}`, name);
          await removeRows();
          return { ...(bytes === undefined ? {} : { bytes }), result: undefined };
        },
        { waitMs },
      );
    }
    if (tables.length > 0) io.out(`removed: ${names}`);
    if (file !== undefined) io.out(`removed from the registry: project ${name}`);
  } finally {
    await project.close();
  }
}

async function tablesToRemove(project: OpenProject): Promise<readonly OnlineTable[]> {
  const registry = project.registry.current();
  const { leftOver, present } = await planStore({ store: project.store, registry, versioned: true });
  const tables = [...tablesOfEveryVersion(registry), ...leftOver].filter((table) => present?.has(table.name) ?? true);
  return [...new Map(tables.map((table) => [table.name, table])).values()];
}
