import { StoreError, type StoreErrorCode } from '../stores/store-error.ts';
import type { Logger } from './logger.ts';

/** What says that the store is away, and not only that a call asked too much of it. */
const AWAY: ReadonlySet<StoreErrorCode> = new Set(['STORE_UNAVAILABLE', 'STORE_AUTH_FAILED']);
const EVERY_MS = 1_000;

export interface StoreOutageOptions {
  /** Asks the store whether it is there. */
  readonly ping: () => Promise<void>;
  readonly log: Logger;
  /** Told what is wrong with a store that is away, and nothing when it is back. Must not throw. */
  readonly onAway?: (code: StoreErrorCode | undefined) => void;
  /** Pause before each ping, in milliseconds. */
  readonly everyMs?: number;
  readonly now?: () => number;
}

interface Outage {
  readonly since: number;
  /** A call that ran out of time proves nothing: its deadline may have been short. */
  certain: boolean;
  code: StoreErrorCode;
  failedSincePing: boolean;
}

/**
 * Notices when the store is back: from the first failure on it is pinged, and nothing is asked of it while calls succeed. An outage is
 * over when a ping succeeds and no call failed since the one before.
 */
export class StoreOutageWatch {
  readonly #options: StoreOutageOptions;
  readonly #now: () => number;
  #outage: Outage | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: StoreOutageOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** To be called for every failure of a call or of a ping. */
  failed(error: unknown): void {
    if (this.#closed || !(error instanceof StoreError)) return;
    const away = AWAY.has(error.code);
    if (!away && error.code !== 'STORE_TIMEOUT') return;
    const { code } = error;
    if (this.#outage === undefined) {
      this.#outage = { since: this.#now(), certain: away, code, failedSincePing: false };
      this.#schedule();
    } else {
      this.#outage.certain ||= away;
      this.#outage.code = code;
      this.#outage.failedSincePing = true;
    }
    if (this.#outage.certain) this.#options.onAway?.(code);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    this.#timer = setTimeout(() => void this.#ask(), this.#options.everyMs ?? EVERY_MS).unref();
  }

  async #ask(): Promise<void> {
    const outage = this.#outage;
    if (outage === undefined) return;
    const calm = !outage.failedSincePing;
    outage.failedSincePing = false;
    const answered = await this.#options.ping().then(
      () => true,
      () => false,
    );
    if (this.#closed) return;
    if (!answered) {
      outage.certain = true;
      this.#options.onAway?.(outage.code);
    }
    if (!answered || !calm || outage.failedSincePing) {
      this.#schedule();
      return;
    }
    this.#outage = undefined;
    if (!outage.certain) return;
    this.#options.onAway?.(undefined);
    const seconds = Math.max(1, Math.round((this.#now() - outage.since) / 1000));
    this.#options.log.info({ seconds }, `the online store answers again after ${seconds} s`);
  }
}
