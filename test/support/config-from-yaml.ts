import assert from 'node:assert/strict';
import { ConfigError } from '../../src/config/config-error.ts';
import { type FeatureStoreConfig, featureStoreConfigFromText } from '../../src/config/feature-store-config.ts';

/** The configuration of a `/repo/feature_store.yaml` with this content. */
export function configFromYaml(text: string, env: NodeJS.ProcessEnv = {}): FeatureStoreConfig {
  return featureStoreConfigFromText(text, { file: '/repo/feature_store.yaml', shownAs: 'feature_store.yaml', env });
}

/** The error that `run` throws, which has to be a ConfigError. */
export function configErrorOf(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ConfigError, `not a ConfigError: ${error}`);
    return error;
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
}
