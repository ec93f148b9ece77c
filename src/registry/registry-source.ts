import type { TraceContext } from '../encoding/trace-context.ts';

/**
 * Where the bytes of a registry come from: a file, an object store, a service. A source fetches and nothing else; parsing,
 * refreshing and keeping the last good snapshot lie above it.
 */
export interface RegistrySource {
  /** What messages call it, for example `registry file /repo/data/registry.db`. Holds no secret. */
  describe(): string;

  /**
   * Fetches one whole registry, never a mixture of two, or says that it is still the one that `previous` stands for.
   * @throws RegistryError `REGISTRY_NOT_FOUND` or `REGISTRY_UNREADABLE`.
   */
  load(options?: RegistryLoadOptions): Promise<LoadedRegistry | 'unchanged'>;

  /** Releases connections. No call may follow. Safe to call twice. */
  close(): Promise<void>;
}

export interface RegistryLoadOptions {
  readonly signal?: AbortSignal;
  /** The token of the registry that the caller has already. */
  readonly previous?: string;
  /** The trace that the reading belongs to, for a source that asks another process which traces too. */
  readonly trace?: TraceContext;
}

export interface LoadedRegistry {
  /** A serialized `feast.core.Registry`. */
  readonly bytes: Uint8Array;
  /** Stands for exactly these bytes (an ETag, a file's identity and times); absent when the source has no such thing. */
  readonly token?: string;
}
