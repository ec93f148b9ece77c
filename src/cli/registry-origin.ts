import type { RegistryStatus } from '../registry/registry-holder.ts';

/**
 * Where the registry that is shown comes from and how old it is: `from its source, 0 s old`. The age, in whole seconds, counts
 * from when the source was last seen to hold it; for a copy that moment is named as well.
 */
export function registryOriginText({ origin, checkedAt }: Pick<RegistryStatus, 'origin' | 'checkedAt'>): string {
  const age = `${Math.max(0, Math.round((Date.now() - checkedAt) / 1000))} s old`;
  if (origin === 'source') return `from its source, ${age}`;
  return `from the copy on disk, ${age}, last checked ${new Date(checkedAt).toISOString()}`;
}
