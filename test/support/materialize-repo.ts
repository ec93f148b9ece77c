import { readdirSync } from 'node:fs';
import { createFeatureRepo, type FeatureRepo } from './feature-repo.ts';
import { goldenPath } from './golden.ts';

/** A recorded Feast project with its source files, as it was before it was materialized, on another online store. */
export function createSourceRepo(name: string, onlineStore: Readonly<Record<string, unknown>>): FeatureRepo {
  const data = goldenPath('redis', name, 'repo', 'data');
  return createFeatureRepo({
    config: goldenPath('redis', name, 'repo', 'feature_store.yaml'),
    files: Object.fromEntries(readdirSync(data).map((file) => [`data/${file}`, `${data}/${file}`])),
    sections: { online_store: onlineStore },
  });
}
