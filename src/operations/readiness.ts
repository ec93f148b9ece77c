import type { RegistryStatus } from '../registry/registry-holder.ts';

/** Whether one thing that serving needs is there, and if it is not, or not quite, why. Never a secret or a stored value. */
export interface ReadinessCheck {
  readonly ok: boolean;
  readonly reason?: string;
}

/** Whether calls should come to this process. */
export interface ReadinessReport {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, ReadinessCheck>>;
}

/** `startup`: the store has to answer once. `strict`: it has to go on answering. */
export type StoreReadiness = 'startup' | 'strict';

export interface ReadinessOptions {
  readonly store: StoreReadiness;
  /** Milliseconds since the Unix epoch. */
  readonly now?: () => number;
}

/** Of `strict`: so many pings in a row have to fail, or to succeed, before what was said of the store changes. */
export const STORE_DOWN_AFTER = 3;
export const STORE_UP_AFTER = 2;

const STARTING: ReadinessCheck = { ok: false, reason: 'the process is starting' };
const OK: ReadinessCheck = { ok: true };

/**
 * Whether this process can serve: it is told what happens to its parts, and says what follows from that. The registry is asked, because
 * its age changes by itself.
 */
export class Readiness {
  readonly #options: ReadinessOptions;
  readonly #listeners: ((report: ReadinessReport) => void)[] = [];
  #registry: (() => RegistryStatus) | undefined;
  #storeIsUp = false;
  #storeSeen = false;
  #successes = 0;
  #failures = 0;
  #storeFault: string | undefined;
  #storeAway: string | undefined;
  #draining = false;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** A registry is served from now on. */
  registryLoaded(status: () => RegistryStatus): void {
    this.#registry = status;
    this.#tell();
  }

  /** The registry was read again, or could not be. */
  registryChecked(): void {
    this.#tell();
  }

  /** The store has answered a ping. */
  storeAnswered(): void {
    this.#failures = 0;
    this.#successes++;
    if (!this.#storeSeen || this.#successes >= STORE_UP_AFTER) this.#storeIsUp = true;
    this.#storeSeen = true;
    this.#tell();
  }

  /** The store has not answered a ping. @param code the stable code of what went wrong */
  storeFailed(code: string): void {
    this.#successes = 0;
    this.#failures++;
    this.#storeFault = code;
    if (this.#options.store === 'strict' && this.#failures >= STORE_DOWN_AFTER) this.#storeIsUp = false;
    this.#tell();
  }

  /**
   * Calls find the store away, or back again. That ends no readiness by itself, but the report says so.
   * @param code the stable code of what is wrong; nothing where the store answers again
   */
  storeAway(code: string | undefined): void {
    if (code === this.#storeAway) return;
    this.#storeAway = code;
    this.#tell();
  }

  /** The process is about to stop. There is no way back. */
  drain(): void {
    this.#draining = true;
    this.#tell();
  }

  get isReady(): boolean {
    return !this.#draining && this.#registry !== undefined && this.#storeIsUp;
  }

  report(): ReadinessReport {
    const checks: Record<string, ReadinessCheck> = {
      registry: this.#registry === undefined ? STARTING : registryCheck(this.#registry(), this.#now()),
      store: this.#storeCheck(),
    };
    if (this.#draining) checks.process = { ok: false, reason: 'the process is stopping' };
    return { ready: this.isReady, checks };
  }

  /** The listener is called at once, and whenever something has happened that may change the report. Must not throw. */
  onChange(listener: (report: ReadinessReport) => void): void {
    this.#listeners.push(listener);
    listener(this.report());
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #storeCheck(): ReadinessCheck {
    const fault = this.#storeFault === undefined ? '' : ` (${this.#storeFault})`;
    if (!this.#storeSeen) return { ok: false, reason: `the online store has not answered yet${fault}` };
    if (!this.#storeIsUp) return { ok: false, reason: `the online store does not answer${fault}` };
    if (this.#failures > 0) return { ok: true, reason: `the online store did not answer the last ping${fault}` };
    const away = this.#storeAway;
    return away === undefined ? OK : { ok: true, reason: `calls fail: the online store does not answer (${away})` };
  }

  #tell(): void {
    if (this.#listeners.length === 0) return;
    const report = this.report();
    for (const listener of this.#listeners) listener(report);
  }
}

/** The last good registry goes on being served, so a registry that cannot be read again is only mentioned. */
function registryCheck({ origin, checkedAt, lastError }: RegistryStatus, now: number): ReadinessCheck {
  if (lastError === undefined) return OK;
  const age = `${Math.max(0, Math.round((now - checkedAt) / 1000))} s ago`;
  const from = origin === 'snapshot' ? 'served from the copy on disk, as it was' : 'served as it was';
  return { ok: true, reason: `${from} ${age}: its source cannot be read (${lastError.code})` };
}
