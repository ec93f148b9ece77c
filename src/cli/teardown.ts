import type { OnlineTable } from '../stores/online-store.ts';
import { onlineEntitiesOfSnapshot } from '../stores/online-table.ts';
import type { CommandContext } from './command-context.ts';
import { openProject } from './composition.ts';
import { confirm } from './confirm.ts';
import { planStore, tablesOfEveryVersion } from './store-plan.ts';
import type { TeardownOptions } from './teardown-command.ts';

/** Removes a project from its store. */
export async function teardown(options: TeardownOptions, { io, globals }: CommandContext): Promise<void> {
  const project = await openProject({ location: globals(), env: io.env, warn: io.warn });
  try {
    const registry = project.registry.current();
    const { leftOver, present } = await planStore({ store: project.store, registry, versioned: true });
    const tables = uniqueTables([...tablesOfEveryVersion(registry), ...leftOver]).filter(
      (table) => present?.has(table.name) ?? true,
    );
    if (tables.length === 0) {
      io.note(`The online store holds nothing of project ${registry.project}.`);
      return;
    }
    const names = tables.map((table) => table.name).join(', ');
    if (options.yes !== true) {
      const what = `This removes from the ${project.config.onlineStore.type} store every row of: ${names}.`;
      await confirm(io, what, registry.project);
    }
    await project.store.teardown(tables, onlineEntitiesOfSnapshot(registry));
    io.out(`removed: ${names}`);
  } finally {
    await project.close();
  }
}

function uniqueTables(tables: readonly OnlineTable[]): readonly OnlineTable[] {
  return [...new Map(tables.map((table) => [table.name, table])).values()];
}
