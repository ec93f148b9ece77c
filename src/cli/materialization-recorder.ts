import { isAbsolute } from 'node:path';
import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import type { LoadInterval } from '../ingest/materialize/interval.ts';
import { recordMaterialization } from '../registry/writing/record-materialization.ts';
import { RegistryFile } from '../registry/writing/registry-file.ts';

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
  const { registry, project, sideboard } = config;
  if (registry.type !== 'file' || !isAbsolute(registry.path)) {
    warn(`The registry at ${registry.place} is no local file: the interval is not recorded there.`);
    return async () => {};
  }
  const file = new RegistryFile({ path: registry.path, maxBytes: sideboard.registry.maxBytes });
  return (view, { start, end }) => recordMaterialization(file, { project, view, start, end });
}
