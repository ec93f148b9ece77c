import type { Registry } from '../../gen/feast/core/Registry_pb.ts';
import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import { loadWithin } from '../registry/load-within.ts';
import { registryFromBytes } from '../registry/registry-from-bytes.ts';
import { registrySourceFromConfig } from './registry-source-from-config.ts';

/**
 * Reads the registry of a project once, as the message that it is.
 * @throws RegistryError; CliError `CLI_REGISTRY_NOT_SERVED`
 */
export async function loadRegistry(config: FeatureStoreConfig, env: NodeJS.ProcessEnv): Promise<Registry> {
  const source = await registrySourceFromConfig(config, env);
  try {
    const loaded = await loadWithin(source, { timeoutMs: config.sideboard.registry.timeoutMs });
    return registryFromBytes(loaded === 'unchanged' ? new Uint8Array() : loaded.bytes, source.describe());
  } finally {
    await source.close();
  }
}
