import { createFeatureRepo, type FeatureRepo } from '../../support/feature-repo.ts';
import { goldenPath } from '../../support/golden.ts';
import type { RecordedStore } from './recorded-answer.ts';

export type Mode = 'feast-python' | 'default';

/** A recorded repo as it was when its answers were recorded, served in the given mode. */
export function createRecordedRepo(store: RecordedStore, repo: string, mode: Mode, redisPort: number): FeatureRepo {
  const files: Record<string, string> = { 'data/registry.db': goldenPath(store, repo, 'repo', 'data', 'registry.db') };
  if (store === 'sqlite') files['data/online_store.db'] = goldenPath(store, repo, 'online_store.db');
  return createFeatureRepo({
    config: goldenPath(store, repo, 'repo', 'feature_store.yaml'),
    files,
    sections: {
      ...(store === 'redis' ? { online_store: { type: 'redis', connection_string: `127.0.0.1:${redisPort}` } } : {}),
      ...(mode === 'feast-python' ? { sideboard: { serving: { compatibility: 'feast-python' } } } : {}),
    },
  });
}
