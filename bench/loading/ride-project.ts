import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { SideboardProgram } from '../servers/sideboard.ts';
import { RIDER, RIDES, RIDES_PUSH, rideFeatures } from './ride-data.ts';
import { runCommand } from './run-command.ts';

export interface RideProjectOptions {
  readonly folder: string;
  readonly onlineStore: Readonly<Record<string, unknown>>;
  /** Parquet file of the view's source. */
  readonly file: string;
  readonly program: SideboardProgram;
}

/** File of the online store in a project's folder, where the store is SQLite. */
export const SQLITE_FILE = 'online_store.db';
export const RIDES_TABLE = `loading_${RIDES}`;

/** Makes a project anew, with definitions that `sideboard apply` writes into the registry that both programs read. */
export async function createRideProject({ folder, onlineStore, file, program }: RideProjectOptions): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const write = (name: string, content: object) => writeFileSync(join(folder, name), stringify(content));
  write('feature_store.yaml', {
    project: 'loading',
    provider: 'local',
    registry: 'registry.db',
    online_store: onlineStore,
    offline_store: { type: 'file' },
    entity_key_serialization_version: 3,
    sideboard: { log: { level: 'warn' } },
  });
  write('definitions.yaml', {
    entities: [{ name: 'rider', join_key: RIDER, value_type: 'Int64' }],
    sources: [
      {
        name: 'rides_file',
        type: 'file',
        path: file,
        timestamp_field: 'event_timestamp',
        created_timestamp_column: 'created',
      },
      { name: RIDES_PUSH, type: 'push', batch_source: 'rides_file' },
    ],
    feature_views: [
      {
        name: RIDES,
        entities: ['rider'],
        source: RIDES_PUSH,
        schema: Object.entries(rideFeatures).map(([name, dtype]) => ({ name, dtype })),
      },
    ],
  });
  await runCommand(process.execPath, [...program, 'apply', '--repo', folder]);
}
