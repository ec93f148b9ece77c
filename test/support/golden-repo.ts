import { readFileSync, writeFileSync } from 'node:fs';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { RegistrySchema } from '../../gen/feast/core/Registry_pb.ts';
import { createFeatureRepo, type FeatureRepo } from './feature-repo.ts';
import { goldenPath } from './golden.ts';

/** A recorded Feast project on SQLite, in a folder of its own; `sections` replace those of its `feature_store.yaml`. */
export function createSqliteRepo(name: string, sections: Readonly<Record<string, unknown>> = {}): FeatureRepo {
  return createFeatureRepo({
    config: goldenPath('sqlite', name, 'repo', 'feature_store.yaml'),
    files: {
      'data/registry.db': goldenPath('sqlite', name, 'repo', 'data', 'registry.db'),
      'data/online_store.db': goldenPath('sqlite', name, 'online_store.db'),
    },
    sections,
  });
}

/** Writes a registry file anew without one of its feature views, as if `feast apply` had been run without it. */
export function removeViewFromRegistry(file: string, view: string): void {
  const registry = fromBinary(RegistrySchema, readFileSync(file));
  registry.featureViews = registry.featureViews.filter(({ spec }) => spec?.name !== view);
  const history = registry.featureViewVersionHistory;
  if (history !== undefined) history.records = history.records.filter((record) => record.featureViewName !== view);
  writeFileSync(file, toBinary(RegistrySchema, registry));
}
