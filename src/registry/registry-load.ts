import { createHash } from 'node:crypto';
import { heapWarning } from './heap-warning.ts';
import { inTurns, type Steps } from './in-turns.ts';
import { loadWithin } from './load-within.ts';
import type { RegistryClock } from './registry-clock.ts';
import { RegistryError, type RegistryErrorCode } from './registry-error.ts';
import { registryFromBytesSteps, schemaVersionWarning } from './registry-from-bytes.ts';
import type { RegistryOptions, RegistryOrigin } from './registry-holder.ts';
import type { RegistrySnapshot } from './registry-snapshot.ts';
import type { RegistrySource } from './registry-source.ts';
import { registrySnapshotSteps } from './snapshot-from-proto.ts';

/** What one good load left behind. Replaced as a whole, so that a reader never sees half a swap. */
export interface Loaded {
  readonly snapshot: RegistrySnapshot;
  readonly token: string | undefined;
  readonly digest: string;
  readonly loadedAt: number;
  readonly checkedAt: number;
  readonly origin: RegistryOrigin;
}

export const defaultLoadTimeoutMs = 30_000;
const digestStepBytes = 1_048_576;

export interface FirstLoad {
  readonly loaded: Loaded;
  /** As the source sent them: absent where the copy is served. */
  readonly bytes?: Uint8Array;
  /** Why the copy is served. */
  readonly failure?: RegistryError;
}

/** The first snapshot: from the source, or else from its copy. */
export async function firstLoad(options: RegistryOptions, clock: RegistryClock): Promise<FirstLoad> {
  const { source, copy, signal } = options;
  try {
    const timeoutMs = options.loadTimeoutMs ?? defaultLoadTimeoutMs;
    const fetched = await loadWithin(source, { timeoutMs, ...(signal === undefined ? {} : { signal }) });
    if (fetched === 'unchanged') throw failed(source, new Error('unchanged without a previous token'));
    const { bytes, token } = fetched;
    const snapshot = await snapshotFromBytes(bytes, 1, options, signal);
    const now = clock.now();
    return {
      loaded: { snapshot, token, digest: await digestOf(bytes), loadedAt: now, checkedAt: now, origin: 'source' },
      bytes,
    };
  } catch (cause) {
    const error = cause instanceof RegistryError ? cause : failed(source, cause);
    if (copy === undefined || settled.has(error.code) || signal?.aborted === true) throw error;
    try {
      const { bytes, checkedAt } = await copy.read();
      const snapshot = await snapshotFromBytes(bytes, 1, options);
      const loaded: Loaded = {
        snapshot,
        token: undefined,
        digest: await digestOf(bytes),
        loadedAt: clock.now(),
        checkedAt,
        origin: 'snapshot',
      };
      const seconds = Math.max(0, Math.round((clock.now() - checkedAt) / 1000));
      options.warn?.(`${error.describe()} Serving its copy ${copy.path}, ${seconds} s old, until the source is back.`);
      return { loaded, failure: error };
    } catch (copyError) {
      if (copyError instanceof RegistryError) options.warn?.(copyError.describe());
      throw error;
    }
  }
}

/** Failures at which the source has spoken, or that no copy mends. */
const settled: ReadonlySet<RegistryErrorCode> = new Set([
  'REGISTRY_PROJECT_MISSING',
  'REGISTRY_SETTINGS_INVALID',
  'REGISTRY_PACKAGE_MISSING',
]);

/** Parses and resolves, while the event loop goes on. */
export function snapshotFromBytes(
  bytes: Uint8Array,
  generation: number,
  options: RegistryOptions,
  signal?: AbortSignal,
): Promise<RegistrySnapshot> {
  return inTurns(snapshotSteps(bytes, generation, options), signal);
}

function* snapshotSteps(bytes: Uint8Array, generation: number, options: RegistryOptions): Steps<RegistrySnapshot> {
  const name = options.source.describe();
  const heap = heapWarning(bytes.length, name);
  if (heap !== undefined) options.warn?.(heap);
  const registry = yield* registryFromBytesSteps(bytes, name);
  const warning = schemaVersionWarning(registry, name);
  if (warning !== undefined) options.warn?.(warning);
  return yield* registrySnapshotSteps(registry, options.project, generation, options.warn);
}

export function digestOf(bytes: Uint8Array): Promise<string> {
  return inTurns(digestSteps(bytes));
}

function* digestSteps(bytes: Uint8Array): Steps<string> {
  const hash = createHash('sha256');
  for (let start = 0; start < bytes.length; start += digestStepBytes) {
    hash.update(bytes.subarray(start, start + digestStepBytes));
    yield;
  }
  return hash.digest('base64');
}

export function failed(source: RegistrySource, cause: unknown): RegistryError {
  return new RegistryError('REGISTRY_FAILED', `Reading the ${source.describe()} failed.`, {
    hint: 'The log has the cause.',
    cause,
  });
}
