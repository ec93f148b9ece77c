import nodeModule from 'node:module';
import { join } from 'node:path';
import { packageFolder } from './package-version.ts';

/** Since Node 22.8. */
interface CompileCacheApi {
  readonly enableCompileCache?: (folder: string) => unknown;
}

/**
 * Has Node keep the compiled form of each module, so that the next start spends less on it. It stands beside Sideboard's own
 * code, which nobody else may write: what is read from there is run. Where that is read-only, Node uses what is there and
 * writes nothing. `NODE_COMPILE_CACHE` names another folder, `NODE_DISABLE_COMPILE_CACHE=1` switches it off.
 */
export function useCompileCache(): void {
  const folder = packageFolder();
  if (folder !== undefined) (nodeModule as CompileCacheApi).enableCompileCache?.(join(folder, '.cache', 'compile'));
}
