import { hash } from 'node:crypto';
import { type RegistryClock, systemClock } from './registry-clock.ts';
import { RegistryError } from './registry-error.ts';
import { registryFromBytes, schemaVersionWarning } from './registry-from-bytes.ts';
import type { RegistrySnapshot } from './registry-snapshot.ts';
import type { RegistrySource } from './registry-source.ts';
import { createRegistrySnapshot } from './snapshot-from-proto.ts';

export interface RegistryOptions {
  /** Belongs to the registry from now on: it is closed with it, and when opening fails. */
  readonly source: RegistrySource;
  readonly project: string;
  /**
   * Feast's `registry.cache_ttl_seconds`: how old a snapshot may become before the source is asked again. 0 means, as in
   * Feast, that it never expires; {@link RegistryHolder.refresh} still works.
   */
  readonly cacheTtlSeconds: number;
  /** Called after each swap, not for the first snapshot. */
  readonly onSwap?: (snapshot: RegistrySnapshot, previous: RegistrySnapshot) => void;
  /** Called for each failed refresh; the last good snapshot stays. Must not throw. */
  readonly onError?: (error: RegistryError) => void;
  /** Told what was left out of a snapshot, and of a registry that a newer Feast wrote. */
  readonly warn?: (message: string) => void;
  readonly clock?: RegistryClock;
}

export interface RegistryStatus {
  /** When the current snapshot came in; milliseconds since the Unix epoch, as all times here. */
  readonly loadedAt: number;
  /** When the source was last seen to hold what is served. */
  readonly checkedAt: number;
  /** Failed refreshes since then. */
  readonly failures: number;
  /** The last failure, until a refresh succeeds. */
  readonly lastError: RegistryError | undefined;
}

/** The registry of a running process: always a whole snapshot, replaced as a whole. */
export interface RegistryHolder {
  /** The last good snapshot. Never waits; still answers after {@link close}. */
  current(): RegistrySnapshot;
  status(): RegistryStatus;
  /**
   * Asks the source now. What it held at the time of the call, or newer, is current when the promise resolves.
   * @throws RegistryError as reported to `onError`, or `REGISTRY_CLOSED`.
   */
  refresh(): Promise<'swapped' | 'unchanged'>;
  /** Stops refreshing, gives up a refresh under way and closes the source. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Reads the registry once and keeps it fresh in the background.
 * @throws RegistryError `REGISTRY_NOT_FOUND`, `REGISTRY_UNREADABLE`, `REGISTRY_CORRUPT` or `REGISTRY_PROJECT_MISSING`: without
 * a first snapshot there is nothing to serve.
 */
export async function openRegistry(options: RegistryOptions): Promise<RegistryHolder> {
  const { source } = options;
  const clock = options.clock ?? systemClock;
  try {
    const loaded = await source.load();
    if (loaded === 'unchanged') throw failed(source, new Error('unchanged without a previous token'));
    const snapshot = snapshotFromBytes(loaded.bytes, 1, options);
    return new RefreshedRegistry(options, clock, {
      snapshot,
      token: loaded.token,
      digest: digestOf(loaded.bytes),
      loadedAt: clock.now(),
    });
  } catch (error) {
    await source.close();
    throw error instanceof RegistryError ? error : failed(source, error);
  }
}

/** What one good load left behind. Replaced as a whole, so that a reader never sees half a swap. */
interface Loaded {
  readonly snapshot: RegistrySnapshot;
  readonly token: string | undefined;
  readonly digest: string;
  readonly loadedAt: number;
}

const retryMs = 5_000;
const longestTimerMs = 2 ** 31 - 1;

class RefreshedRegistry implements RegistryHolder {
  readonly #options: RegistryOptions;
  readonly #clock: RegistryClock;
  readonly #abort = new AbortController();
  #loaded: Loaded;
  #checkedAt: number;
  #failures = 0;
  #lastError: RegistryError | undefined;
  #running: Promise<'swapped' | 'unchanged'> | undefined;
  #next: Promise<'swapped' | 'unchanged'> | undefined;
  #cancelTimer: () => void = () => {};

  constructor(options: RegistryOptions, clock: RegistryClock, loaded: Loaded) {
    this.#options = options;
    this.#clock = clock;
    this.#loaded = loaded;
    this.#checkedAt = loaded.loadedAt;
    this.#schedule();
  }

  current(): RegistrySnapshot {
    return this.#loaded.snapshot;
  }

  status(): RegistryStatus {
    return {
      loadedAt: this.#loaded.loadedAt,
      checkedAt: this.#checkedAt,
      failures: this.#failures,
      lastError: this.#lastError,
    };
  }

  refresh(): Promise<'swapped' | 'unchanged'> {
    if (this.#running === undefined) return this.#start();
    // The refresh under way may have read before the change that the caller knows of: one more follows, for all who ask.
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#running ?? this.#start();
      });
    return this.#next;
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.#cancelTimer();
    await this.#running?.catch(() => {});
    await this.#options.source.close();
  }

  #start(): Promise<'swapped' | 'unchanged'> {
    this.#cancelTimer();
    this.#running = this.#check().finally(() => {
      this.#running = undefined;
      this.#schedule();
    });
    return this.#running;
  }

  async #check(): Promise<'swapped' | 'unchanged'> {
    try {
      this.#throwIfClosed();
      const outcome = await this.#load();
      this.#checkedAt = this.#clock.now();
      this.#failures = 0;
      this.#lastError = undefined;
      return outcome;
    } catch (cause) {
      this.#throwIfClosed();
      const error = cause instanceof RegistryError ? cause : failed(this.#options.source, cause);
      this.#failures++;
      this.#lastError = error;
      this.#options.onError?.(error);
      throw error;
    }
  }

  async #load(): Promise<'swapped' | 'unchanged'> {
    const previous = this.#loaded;
    const loaded = await this.#options.source.load({
      signal: this.#abort.signal,
      ...(previous.token === undefined ? {} : { previous: previous.token }),
    });
    this.#throwIfClosed();
    if (loaded === 'unchanged') return 'unchanged';
    const digest = digestOf(loaded.bytes);
    if (digest === previous.digest) {
      this.#loaded = { ...previous, token: loaded.token };
      return 'unchanged';
    }
    const snapshot = snapshotFromBytes(loaded.bytes, previous.snapshot.generation + 1, this.#options);
    this.#loaded = { snapshot, token: loaded.token, digest, loadedAt: this.#clock.now() };
    this.#options.onSwap?.(snapshot, previous.snapshot);
    return 'swapped';
  }

  /** Up to a tenth early, so that many processes do not ask at once; after a failure sooner, then ever more slowly. */
  #schedule(): void {
    const ttlMs = this.#options.cacheTtlSeconds * 1000;
    if (ttlMs <= 0 || this.#abort.signal.aborted) return;
    const wanted = this.#failures === 0 ? ttlMs : Math.min(ttlMs, retryMs * 2 ** (this.#failures - 1));
    const delay = Math.min(wanted * (1 - this.#clock.random() / 10), longestTimerMs);
    this.#cancelTimer = this.#clock.startTimer(() => {
      // A failure has been reported already.
      if (this.#running === undefined) this.#start().catch(() => {});
    }, delay);
  }

  #throwIfClosed(): void {
    if (!this.#abort.signal.aborted) return;
    throw new RegistryError('REGISTRY_CLOSED', 'The registry is closed.');
  }
}

function snapshotFromBytes(bytes: Uint8Array, generation: number, options: RegistryOptions): RegistrySnapshot {
  const name = options.source.describe();
  const registry = registryFromBytes(bytes, name);
  const warning = schemaVersionWarning(registry, name);
  if (warning !== undefined) options.warn?.(warning);
  return createRegistrySnapshot(registry, options.project, generation, options.warn);
}

function digestOf(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'base64');
}

function failed(source: RegistrySource, cause: unknown): RegistryError {
  return new RegistryError('REGISTRY_FAILED', `Reading the ${source.describe()} failed.`, {
    hint: 'The log has the cause.',
    cause,
  });
}
