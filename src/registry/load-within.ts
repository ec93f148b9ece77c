import { RegistryError } from './registry-error.ts';
import type { LoadedRegistry, RegistrySource } from './registry-source.ts';

export interface LoadWithinOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly previous?: string;
}

/**
 * Loads from a source and gives up after `timeoutMs`, or with the caller, even where the source's library does not listen.
 * @throws RegistryError `REGISTRY_TIMEOUT`; what the source throws; the signal's reason.
 */
export async function loadWithin(
  source: RegistrySource,
  { timeoutMs, signal, previous }: LoadWithinOptions,
): Promise<LoadedRegistry | 'unchanged'> {
  signal?.throwIfAborted();
  const abort = new AbortController();
  const late = new RegistryError('REGISTRY_TIMEOUT', `Reading the ${source.describe()} took over ${timeoutMs} ms.`, {
    hint: 'Check network and load; sideboard.registry.timeout_ms allows more.',
  });
  const timer = setTimeout(() => abort.abort(late), timeoutMs);
  const follow = (): void => abort.abort(signal?.reason);
  signal?.addEventListener('abort', follow, { once: true });
  try {
    const givenUp = new Promise<never>((_, reject) => {
      abort.signal.addEventListener('abort', () => reject(abort.signal.reason), { once: true });
    });
    const loading = source.load({ signal: abort.signal, ...(previous === undefined ? {} : { previous }) });
    // It may fail long after nobody waits for it any more.
    loading.catch(() => {});
    return await Promise.race([loading, givenUp]);
  } catch (error) {
    // A source that listens fails in its own words.
    throw abort.signal.aborted ? abort.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', follow);
  }
}
