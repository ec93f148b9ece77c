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
