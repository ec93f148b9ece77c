import { isAbsolute, resolve } from 'node:path';
import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import { RegistryError } from '../registry/registry-error.ts';
import { RegistryFile } from '../registry/writing/registry-file.ts';

/** Names of Feast's class for a registry in a file. */
const FILE_STORE = /^(?:feast\.infra\.registry\.\w+\.)?FileRegistryStore$/;

/**
 * The registry of a project as something that can be written: only files can.
 * @throws RegistryError `REGISTRY_NOT_WRITABLE`
 */
export function registryFileFromConfig(config: FeatureStoreConfig): RegistryFile {
  const { registry, repoPath, sideboard } = config;
  const { path, storeType, type } = registry;
  if (type !== 'file') throw notWritable(config, `a registry of type "${type}"`);
  if (storeType !== undefined && !FILE_STORE.test(storeType)) throw notWritable(config, `a ${storeType}`);
  const scheme = isAbsolute(path) ? undefined : /^([A-Za-z][A-Za-z0-9+.-]+):\/\//.exec(path)?.[1]?.toLowerCase();
  if (scheme !== undefined) throw notWritable(config, `a registry under ${scheme}://`);
  return new RegistryFile({ path: resolve(repoPath, path), maxBytes: sideboard.registry.maxBytes });
}

function notWritable({ registry }: FeatureStoreConfig, what: string): RegistryError {
  return new RegistryError('REGISTRY_NOT_WRITABLE', `${registry.place}: ${what} is read, but not written.`, {
    hint: 'Write a registry file (registry: data/registry.db) and copy it there, or apply and materialize with Feast.',
  });
}
