import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import { findConfig, loadFeatureStoreConfig } from '../config/load-config.ts';

/** Which project a command works on: a folder with a `feature_store.yaml`, or such a file by its own name. */
export interface ProjectLocation {
  readonly repo?: string;
  readonly config?: string;
}

/** @throws ConfigError */
export async function loadProjectConfig(
  location: ProjectLocation,
  env: NodeJS.ProcessEnv,
): Promise<FeatureStoreConfig> {
  return loadFeatureStoreConfig(location.config ?? (await findConfig(location.repo ?? '.')), { env });
}
