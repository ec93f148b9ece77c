import { CopyKeeper } from './copy-keeper.ts';
import { loadWithin } from './load-within.ts';
import { type RegistryClock, systemClock } from './registry-clock.ts';
import type { RegistryCopy } from './registry-copy.ts';
import { RegistryError } from './registry-error.ts';
import {
  defaultLoadTimeoutMs,
  digestOf,
  type FirstLoad,
  failed,
  firstLoad,
  type Loaded,
  snapshotFromBytes,
} from './registry-load.ts';
import type { RegistrySnapshot } from './registry-snapshot.ts';
import type { RegistrySource } from './registry-source.ts';

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
  /** Called behind each refresh, however it ended, but for one that closing gave up. Must not throw. */
  readonly onRefresh?: (outcome: RefreshOutcome) => void;
  /** Told what was left out of a snapshot, and of a registry that a newer Feast wrote. */
  readonly warn?: (message: string) => void;
  /** How long one reading of the source may take, in milliseconds. Default 30,000. */
  readonly loadTimeoutMs?: number;
  /** Gives up opening; what was opened is not affected. */
  readonly signal?: AbortSignal;
  /** Where the start finds a registry while the source cannot be read. */
  readonly copy?: RegistryCopy;
  /** Whether the copy is kept up to date as well. Default true. */
  readonly updateCopy?: boolean;
  readonly clock?: RegistryClock;
}

export type RefreshOutcome = 'swapped' | 'unchanged' | 'failed';

export type RegistryOrigin = 'source' | 'snapshot';

export interface RegistryStatus {
  /** Whether the current snapshot was read from its source, or from the copy on disk while the source could not be read. */
  readonly origin: RegistryOrigin;
  /** When the current snapshot came in; milliseconds since the Unix epoch, as all times here. */
  readonly loadedAt: number;
  /** When the source was last seen to hold what is served, be it by an earlier process that left the copy. */
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
 *
 * Where the source cannot be read and there is a copy of its last good registry, that is served instead, and the source is
 * asked again soon.
 * @throws RegistryError Any code: without a first snapshot there is nothing to serve.
 */
export async function openRegistry(options: RegistryOptions): Promise<RegistryHolder> {
  const { source } = options;
  const clock = options.clock ?? systemClock;
  try {
    return new RefreshedRegistry(options, clock, await firstLoad(options, clock));
  } catch (error) {
    await source.close();
    throw error instanceof RegistryError ? error : failed(source, error);
  }
}

const retryMs = 5_000;
const longestRetryMs = 600_000;
const longestTimerMs = 2 ** 31 - 1;

class RefreshedRegistry implements RegistryHolder {
  readonly #options: RegistryOptions;
  readonly #clock: RegistryClock;
  readonly #abort = new AbortController();
  readonly #copies: CopyKeeper | undefined;
  #loaded: Loaded;
  #failures = 0;
  #lastError: RegistryError | undefined;
  #running: Promise<'swapped' | 'unchanged'> | undefined;
  #next: Promise<'swapped' | 'unchanged'> | undefined;
  #cancelTimer: () => void = () => {};

  constructor(options: RegistryOptions, clock: RegistryClock, first: FirstLoad) {
    this.#options = options;
    this.#clock = clock;
    this.#loaded = first.loaded;
    this.#lastError = first.failure;
    this.#failures = first.failure === undefined ? 0 : 1;
    const { copy, updateCopy = true, warn } = options;
    this.#copies = copy === undefined || !updateCopy ? undefined : new CopyKeeper(copy, warn);
    if (first.bytes !== undefined) this.#copies?.write({ bytes: first.bytes, checkedAt: first.loaded.checkedAt });
    this.#schedule();
  }

  current(): RegistrySnapshot {
    return this.#loaded.snapshot;
  }

  status(): RegistryStatus {
    const { origin, loadedAt, checkedAt } = this.#loaded;
    return { origin, loadedAt, checkedAt, failures: this.#failures, lastError: this.#lastError };
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
    await this.#copies?.idle();
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
      this.#failures = 0;
      this.#lastError = undefined;
      this.#options.onRefresh?.(outcome);
      return outcome;
    } catch (cause) {
      this.#throwIfClosed();
      const error = cause instanceof RegistryError ? cause : failed(this.#options.source, cause);
      this.#failures++;
      this.#lastError = error;
      this.#options.onError?.(error);
      this.#options.onRefresh?.('failed');
      throw error;
    }
  }

  async #load(): Promise<'swapped' | 'unchanged'> {
    const previous = this.#loaded;
    // A copy that is lost can only be written from bytes, which an unchanged source does not send.
    const token = this.#copies?.isLost === true ? undefined : previous.token;
    const fetched = await loadWithin(this.#options.source, {
      timeoutMs: this.#options.loadTimeoutMs ?? defaultLoadTimeoutMs,
      signal: this.#abort.signal,
      ...(token === undefined ? {} : { previous: token }),
    });
    this.#throwIfClosed();
    const checkedAt = this.#clock.now();
    if (fetched === 'unchanged') {
      this.#loaded = { ...previous, checkedAt };
      this.#copies?.confirm(checkedAt);
      return 'unchanged';
    }
    const { bytes } = fetched;
    const digest = await digestOf(bytes);
    if (digest === previous.digest) {
      this.#loaded = { ...previous, token: fetched.token, checkedAt, origin: 'source' };
      if (this.#copies?.isLost === true) this.#copies.write({ bytes, checkedAt });
      else this.#copies?.confirm(checkedAt);
      return 'unchanged';
    }
    const snapshot = await snapshotFromBytes(
      bytes,
      previous.snapshot.generation + 1,
      this.#options,
      this.#abort.signal,
    );
    this.#throwIfClosed();
    this.#loaded = { snapshot, token: fetched.token, digest, loadedAt: checkedAt, checkedAt, origin: 'source' };
    this.#copies?.write({ bytes, checkedAt });
    this.#options.onSwap?.(snapshot, previous.snapshot);
    return 'swapped';
  }

  /** Up to a tenth early, so that many processes do not ask at once; after a failure sooner, then ever more slowly. */
  #schedule(): void {
    const ttlMs = this.#options.cacheTtlSeconds * 1000;
    // A registry that never expires counts from its first reading; a copy is none.
    const expires = ttlMs > 0 || this.#loaded.origin === 'snapshot';
    if (!expires || this.#abort.signal.aborted) return;
    const longest = ttlMs > 0 ? ttlMs : longestRetryMs;
    const wanted = this.#failures === 0 ? ttlMs : Math.min(longest, retryMs * 2 ** (this.#failures - 1));
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
