import type { CallOptions } from '../online-store.ts';
import { StoreError, type StoreErrorCode } from '../store-error.ts';

/** `half-open`: nobody may ask the store but the one probe that is under way. */
export type BreakerState = 'closed' | 'half-open' | 'open';

export interface BreakerSettings {
  /** How many calls in a row have to say that the store is away for the breaker to open. */
  readonly failures: number;
  /** A store that has answered nothing for so long while calls wait is asked whether it is there. Milliseconds. */
  readonly stallMs: number;
  /** How long it may take to say so. Milliseconds. */
  readonly probeTimeoutMs: number;
  /** Pause before the first probe; doubled for each one that fails, up to the second. Milliseconds. */
  readonly minOpenMs: number;
  readonly maxOpenMs: number;
}

export interface BreakerChange {
  readonly state: BreakerState;
  /** While the breaker is open: what was wrong, and the time until the next probe. */
  readonly code?: StoreErrorCode;
  readonly probeInMs?: number;
}

export interface StoreBreakerOptions extends BreakerSettings {
  /** Asks the store whether it is there: settles by the deadline. */
  readonly ping: (call: CallOptions) => Promise<void>;
  /** Another number than before says that the store would be asked with another secret: a probe is due then. */
  readonly secretVersion?: (() => number | undefined) | undefined;
  /** Told of every change. Must not throw. */
  readonly onChange?: (change: BreakerChange) => void;
  /** From 0 to 1, for pauses. */
  readonly random?: () => number;
}

/** What says that the store is away. A call that ran out of time may say more about its caller: the store is asked then. */
const AWAY: ReadonlySet<string> = new Set<StoreErrorCode>(['STORE_UNAVAILABLE', 'STORE_AUTH_FAILED']);
/** Said without the store, so that neither a failure nor an answer follows from them. */
const NO_ANSWER: ReadonlySet<string> = new Set<StoreErrorCode>(['STORE_OVERLOADED', 'STORE_CLOSED']);
/** How often it is looked at whether calls wait for nothing, and whether an open store has another secret, in milliseconds. */
const LOOK_MS = 100;

/**
 * Keeps calls away from a store that does not answer, so that they fail at once in place of waiting for their deadlines, and so that
 * the store comes back to peace.
 *
 * It opens after so many failures in a row; where calls run out of time, or nothing is answered for a while, it asks the store first,
 * because a short deadline proves nothing. While it is open one probe at a time asks again, with growing pauses left partly to chance;
 * another secret ends a pause and lets them grow anew, once per secret. After a probe that was answered, one failure is enough to open
 * again until a call has succeeded.
 *
 * What a call costs is a few numbers: no clock is read, and there is one timer for all calls, while there are any.
 */
export class StoreBreaker {
  readonly #options: StoreBreakerOptions;
  #state: BreakerState = 'closed';
  #refusal: StoreError | undefined;
  #refused = 0;
  #outstanding = 0;
  #answers = 0;
  /** Failures in a row, and how many of them were certain. */
  #failures = 0;
  #certain = 0;
  /** Times that it has opened in a row, with no call that succeeded in between. */
  #openings = 0;
  #asking = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  #look: NodeJS.Timeout | undefined;
  #answersSeen = 0;
  #quietLooks = 0;
  #pause: NodeJS.Timeout | undefined;
  #secretLook: NodeJS.Timeout | undefined;
  /** As the last probe found it. */
  #secretVersion: number | undefined;
  #closed = false;

  constructor(options: StoreBreakerOptions) {
    this.#options = Object.freeze({ ...options });
    this.#secretVersion = options.secretVersion?.();
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Calls that were refused since the process started. */
  get refused(): number {
    return this.#refused;
  }

  /** Why a call may not ask the store now, `STORE_CIRCUIT_OPEN`; nothing while it may. */
  refusal(): StoreError | undefined {
    if (this.#refusal !== undefined) this.#refused++;
    return this.#refusal;
  }

  /** Follows a call of the store that was allowed. @returns what settles as it does */
  watch<T>(work: Promise<T>): Promise<T> {
    this.#outstanding++;
    if (this.#look === undefined) this.#startLooking();
    return work.then(this.#succeeded, this.#failed) as Promise<T>;
  }

  /** Ends its timers. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#look);
    this.#endPause();
  }

  // One function for all calls in place of a closure for each.
  readonly #succeeded = (value: unknown): unknown => {
    this.#outstanding--;
    this.#answered();
    if (this.#state === 'closed') this.#openings = 0;
    return value;
  };

  readonly #failed = (error: unknown): never => {
    this.#outstanding--;
    const code = error instanceof StoreError ? error.code : undefined;
    const away = code !== undefined && AWAY.has(code);
    if (away || code === 'STORE_TIMEOUT') this.#countFailure(away, code);
    // Whatever else the store says, it is there to say it.
    else if (code === undefined || !NO_ANSWER.has(code)) this.#answered();
    throw error;
  };

  #answered(): void {
    this.#answers++;
    this.#failures = 0;
    this.#certain = 0;
  }

  #countFailure(away: boolean, code: StoreErrorCode): void {
    this.#failures++;
    if (away) this.#certain++;
    if (this.#state !== 'closed') return;
    // After a probe, until a call succeeds, the store is on probation.
    const enough = this.#openings > 0 ? 1 : this.#options.failures;
    if (this.#certain >= enough) this.#open(code);
    else if (this.#failures >= enough) void this.#ask(code);
  }

  #startLooking(): void {
    if (this.#closed) return;
    this.#quietLooks = 0;
    this.#answersSeen = this.#answers;
    this.#look = setInterval(() => this.#lookAround(), LOOK_MS);
    // Calls under way have timers and sockets of their own.
    this.#look.unref();
  }

  #lookAround(): void {
    if (this.#answers !== this.#answersSeen) {
      this.#answersSeen = this.#answers;
      this.#quietLooks = 0;
      return;
    }
    if (this.#outstanding === 0) {
      clearInterval(this.#look);
      this.#look = undefined;
      return;
    }
    this.#quietLooks++;
    if (this.#quietLooks * LOOK_MS < this.#options.stallMs || this.#state !== 'closed') return;
    this.#quietLooks = 0;
    void this.#ask('STORE_TIMEOUT');
  }

  /** The store is suspected: whether it is there decides. An answer to any call in the meantime does as well. */
  async #ask(code: StoreErrorCode): Promise<void> {
    // No moment of the clock: one that is set back must not keep the store from being asked.
    const now = performance.now();
    if (this.#asking || now - this.#askedAt < LOOK_MS) return;
    this.#asking = true;
    this.#askedAt = now;
    const answers = this.#answers;
    const fault = await this.#probe();
    this.#asking = false;
    if (this.#closed || this.#state !== 'closed') return;
    if (fault === undefined || this.#answers !== answers) {
      this.#failures = 0;
      this.#certain = 0;
    } else this.#open(fault === 'STORE_TIMEOUT' ? code : fault);
  }

  /** @returns the code of what says that the store is away; nothing where it is there */
  async #probe(): Promise<StoreErrorCode | undefined> {
    this.#secretVersion = this.#options.secretVersion?.();
    try {
      await this.#options.ping({ deadline: Date.now() + this.#options.probeTimeoutMs });
      return undefined;
    } catch (error) {
      const code = error instanceof StoreError ? error.code : 'STORE_FAILED';
      return AWAY.has(code) || code === 'STORE_TIMEOUT' ? code : undefined;
    }
  }

  #open(code: StoreErrorCode): void {
    const { minOpenMs, maxOpenMs, random = Math.random } = this.#options;
    const longest = Math.min(maxOpenMs, minOpenMs * 2 ** Math.min(this.#openings, 30));
    const probeInMs = Math.ceil(longest * (0.5 + random() / 2));
    this.#openings++;
    this.#failures = 0;
    this.#certain = 0;
    this.#refusal = refusalFor(code);
    this.#become({ state: 'open', code, probeInMs });
    if (this.#closed) return;
    this.#pause = setTimeout(() => void this.#halfOpen(), probeInMs);
    this.#pause.unref();
    const { secretVersion } = this.#options;
    if (secretVersion === undefined) return;
    this.#secretLook = setInterval(() => {
      if (secretVersion() === this.#secretVersion) return;
      // The pauses start short again, but the breaker stays open.
      this.#openings = 1;
      void this.#halfOpen();
    }, LOOK_MS);
    this.#secretLook.unref();
  }

  #endPause(): void {
    clearTimeout(this.#pause);
    clearInterval(this.#secretLook);
  }

  async #halfOpen(): Promise<void> {
    this.#endPause();
    this.#become({ state: 'half-open' });
    const fault = await this.#probe();
    if (this.#closed) return;
    if (fault !== undefined) {
      this.#open(fault);
      return;
    }
    this.#failures = 0;
    this.#certain = 0;
    this.#refusal = undefined;
    this.#become({ state: 'closed' });
  }

  #become(change: BreakerChange): void {
    this.#state = change.state;
    this.#options.onChange?.(change);
  }
}

/** One error for all calls of an opening: making one each would cost more than refusing. */
function refusalFor(code: StoreErrorCode): StoreError {
  return new StoreError(
    'STORE_CIRCUIT_OPEN',
    `The online store did not answer (${code}); it is left alone for a moment.`,
    {
      hint: 'Calls go on as soon as it answers a probe, at most about a second after it is back.',
    },
  );
}
