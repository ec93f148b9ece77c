import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import type { LoadInterval } from '../ingest/materialize/interval.ts';
import { RegistryError } from '../registry/registry-error.ts';
import { recordMaterialization } from '../registry/writing/record-materialization.ts';
import type { RegistryFile } from '../registry/writing/registry-file.ts';
import { registryFileFromConfig } from './registry-file-from-config.ts';

/** Notes in the registry that a view was loaded. */
export type RecordInterval = (view: string, interval: LoadInterval) => Promise<void>;

/**
 * Records in the registry file. A registry elsewhere is read and not written: it is said once that nothing is recorded there, so that
 * incremental runs begin anew.
 */
export function openMaterializationRecorder(
  config: FeatureStoreConfig,
  warn: (message: string) => void,
): RecordInterval {
  const file = writableFile(config);
  if (file === undefined) {
    warn(`The registry at ${config.registry.place} is not a local file: the interval is not recorded there.`);
    return async () => {};
  }
  return (view, { start, end }) => recordMaterialization(file, { project: config.project, view, start, end });
}

function writableFile(config: FeatureStoreConfig): RegistryFile | undefined {
  try {
    return registryFileFromConfig(config);
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'REGISTRY_NOT_WRITABLE') return undefined;
    throw error;
  }
}
