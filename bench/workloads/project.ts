import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { openProject } from '../../src/cli/composition.ts';
import { onlineEntitiesOfSnapshot, onlineTablesOfSnapshot } from '../../src/stores/online-table.ts';
import { benchViews, PROJECT } from './feature-data.ts';
import { type RegistryOptions, registryBytes } from './registry.ts';
import { fillTable } from './rows.ts';

export type StoreName = 'redis' | 'sqlite';

/** Many large requests at once may wait long for their turn; what is measured is how long, not who gives up first. */
const PATIENCE_MS = 60_000;

/** Writes a feature repository that Sideboard and Feast serve alike: `feature_store.yaml` and `registry.db`. */
export function writeProject(
  repo: string,
  onlineStore: Readonly<Record<string, unknown>>,
  registry: RegistryOptions = {},
): void {
  mkdirSync(repo, { recursive: true });
  writeFileSync(join(repo, 'registry.db'), registryBytes(registry));
  const config = {
    project: PROJECT,
    provider: 'local',
    registry: 'registry.db',
    online_store: onlineStore,
    offline_store: { type: 'file' },
    entity_key_serialization_version: 3,
    sideboard: {
      log: { level: 'warn' },
      grpc: { default_deadline_ms: PATIENCE_MS },
      serving: { max_queue_age_ms: PATIENCE_MS },
    },
  };
  writeFileSync(join(repo, 'feature_store.yaml'), stringify(config));
}

/** Creates the project's tables and writes every view's rows for the entities 1 to `population`, through Sideboard's store. */
export async function fillProject(repo: string, population: number): Promise<void> {
  const project = await openProject({ location: { repo }, env: process.env, warn: () => {} });
  try {
    const snapshot = project.registry.current();
    const tables = onlineTablesOfSnapshot(snapshot, { versioned: false });
    await project.store.update({
      tablesToKeep: tables,
      tablesToDelete: [],
      entitiesToKeep: onlineEntitiesOfSnapshot(snapshot),
      entitiesToDelete: [],
      partial: false,
    });
    for (const view of benchViews) {
      const table = tables.find((each) => each.name === view.name);
      if (table === undefined) throw new Error(`the bench's registry has no view ${view.name}`);
      await fillTable(project.store, table, view, population);
    }
  } finally {
    await project.close();
  }
}
