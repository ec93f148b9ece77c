import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import type { FeatureRepo } from './feature-repo.ts';

/** A project that is defined in YAML, on SQLite unless said otherwise, which a test may change. */
export interface DefinitionsRepo extends FeatureRepo {
  readonly registryPath: string;
  define(definitions: object): void;
}

/** @param sections top-level sections of `feature_store.yaml` that replace those of the default or are added to it */
export function createDefinitionsRepo(
  definitions: object,
  sections: Readonly<Record<string, unknown>> = {},
): DefinitionsRepo {
  const path = mkdtempSync(join(tmpdir(), 'sideboard-repo-'));
  const write = (name: string, content: object): void => {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), stringify(content));
  };
  write('feature_store.yaml', {
    project: 'interop',
    provider: 'local',
    registry: 'data/registry.db',
    online_store: { type: 'sqlite', path: 'data/online_store.db' },
    offline_store: { type: 'file' },
    entity_key_serialization_version: 3,
    ...sections,
  });
  write('definitions.yaml', definitions);
  return {
    path,
    registryPath: join(path, 'data', 'registry.db'),
    define: (changed) => write('definitions.yaml', changed),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

const source = (name: string) => ({
  name: `${name}_source`,
  type: 'file',
  path: `data/${name}.parquet`,
  timestamp_field: 'event_timestamp',
});

/** What test/interop/feast/definitions.py defines. */
export const interopDefinitions = {
  entities: [
    { name: 'driver', join_key: 'driver_id', value_type: 'Int64' },
    { name: 'customer', join_key: 'customer_id', value_type: 'String' },
  ],
  sources: [source('driver_stats'), source('ride_stats')],
  feature_views: [
    {
      name: 'driver_stats',
      entities: ['driver'],
      source: 'driver_stats_source',
      schema: [
        { name: 'conv_rate', dtype: 'Float32' },
        { name: 'acc_rate', dtype: 'Float64' },
        { name: 'trips', dtype: 'Int64' },
        { name: 'rank', dtype: 'Int32' },
        { name: 'active', dtype: 'Bool' },
        { name: 'city', dtype: 'String' },
        { name: 'last_seen', dtype: 'UnixTimestamp' },
        { name: 'tags', dtype: 'Array(String)' },
      ],
    },
    {
      name: 'ride_stats',
      entities: ['driver', 'customer'],
      source: 'ride_stats_source',
      schema: [
        { name: 'rides', dtype: 'Int64' },
        { name: 'rating', dtype: 'Float64' },
      ],
    },
  ],
  feature_services: [{ name: 'ranking', features: ['driver_stats', { view: 'ride_stats', features: ['rating'] }] }],
} as const;
