import { SideboardError } from '../errors.ts';
import type { StoreReadiness } from './readiness.ts';

/** Pause before the next ping while the store has not answered yet, in milliseconds. */
const FIRST_PAUSE_MS = 500;
/** Of `strict`, for as long as the process serves. */
const STRICT_PAUSE_MS = 1_000;

export interface StoreProbeOptions {
  /** Asks the store whether it is there; settles within some seconds. */
  readonly ping: () => Promise<void>;
  readonly policy: StoreReadiness;
  readonly onAnswer: () => void;
  /** @param code the stable code of what went wrong */
  readonly onFailure: (code: string) => void;
  /** Told once, of the very first ping, where it failed. */
  readonly onFirstFailure: (error: unknown) => void;
  /** In place of the pauses above, for tests. Milliseconds. */
  readonly pauseMs?: number;
}

/** Pings the store: until it has answered once, or for as long as the process serves. */
export class StoreProbe {
  readonly #options: StoreProbeOptions;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #first = true;

  constructor(options: StoreProbeOptions) {
    this.#options = options;
  }

  /** Pings now, and then as often as it takes. @returns when the first ping has settled */
  async start(): Promise<void> {
    const { ping, policy, onAnswer, onFailure, onFirstFailure, pauseMs } = this.#options;
    let answered = false;
    try {
      await ping();
      answered = true;
    } catch (error) {
      if (this.#closed) return;
      if (this.#first) onFirstFailure(error);
      onFailure(error instanceof SideboardError ? error.code : 'INTERNAL');
    }
    if (this.#closed) return;
    this.#first = false;
    if (answered) onAnswer();
    if (answered && policy === 'startup') return;
    const pause = pauseMs ?? (policy === 'strict' ? STRICT_PAUSE_MS : FIRST_PAUSE_MS);
    this.#timer = setTimeout(() => void this.start(), pause).unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
