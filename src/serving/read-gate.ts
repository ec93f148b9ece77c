import type { CallOptions } from '../stores/online-store.ts';
import { ServingError } from './serving-error.ts';

/** How often deadlines and callers that went away are looked at while requests wait, in milliseconds. */
const SWEEP_MS = 10;
/** A request of at most this share of the limit is small. */
const SMALL_SHARE = 1 / 64;

interface Waiting {
  readonly bytes: number;
  readonly call: CallOptions;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
  readonly begin: () => void;
  readonly fail: (error: unknown) => void;
}

export interface ReadGateLimits {
  /** Limit on the bytes of expected answers that are under way. */
  readonly bytes: number;
  /** How long a request may wait, in milliseconds. */
  readonly maxAgeMs: number;
  /** Why reading is of no use now, if it is not: who waits fails with it. */
  readonly refusal?: (() => Error | undefined) | undefined;
}

/**
 * Bounds what is under way at a time, in bytes of answers: every request that is being read for holds its commands, the store's
 * replies and its answer in memory. One thread does the work, so that more of it at once would not end sooner.
 *
 * Small requests and large ones have a queue and the whole limit each. First come, first served in both; a small request never
 * waits for a large one. A request that is larger than the limit runs by itself.
 */
export class ReadGate {
  readonly #smallBytes: number;
  readonly #small: GateQueue;
  readonly #large: GateQueue;
  readonly #limits: ReadGateLimits;
  #sweep: NodeJS.Timeout | undefined;
  #delayed = 0;

  constructor(limits: ReadGateLimits) {
    this.#limits = limits;
    const { bytes } = limits;
    this.#smallBytes = bytes * SMALL_SHARE;
    this.#small = new GateQueue(bytes);
    this.#large = new GateQueue(bytes);
  }

  /** How many requests had to wait since the process started. */
  get delayed(): number {
    return this.#delayed;
  }

  /** How many requests wait, and how many bytes of answers are being read for. */
  underWay(): { readonly waiting: number; readonly bytes: number } {
    const [small, large] = [this.#small, this.#large];
    return { waiting: small.waiting + large.waiting, bytes: small.underWay + large.underWay };
  }

  /**
   * Asks to begin. Whoever was let in calls {@link leave} with the same number, however it ends.
   * @param bytes that the answer is expected to have
   * @returns nothing where the request may begin at once
   * @throws ServingError `DEADLINE_EXCEEDED` when the caller stops waiting first, `QUEUED_TOO_LONG`
   */
  enter(bytes: number, call: CallOptions): Promise<void> | undefined {
    const queue = this.#queueOf(bytes);
    if (queue.tryEnter(bytes)) return undefined;
    this.#delayed++;
    this.#sweep ??= setInterval(() => this.#look(), SWEEP_MS);
    return new Promise((begin, fail) => queue.wait({ bytes, call, since: Date.now(), begin, fail }));
  }

  leave(bytes: number): void {
    this.#queueOf(bytes).leave(bytes);
    if (this.#sweep !== undefined) this.#rest();
  }

  #queueOf(bytes: number): GateQueue {
    return bytes <= this.#smallBytes ? this.#small : this.#large;
  }

  /** One timer for all who wait: one for each would cost more than most of their requests. */
  #look(): void {
    const now = Date.now();
    this.#small.dropLate(now, this.#limits);
    this.#large.dropLate(now, this.#limits);
    this.#rest();
  }

  #rest(): void {
    if (this.#small.waiting + this.#large.waiting > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}

class GateQueue {
  /** In the order in which they came. An array rather than a set, for the reason given in `encoding/roster.ts`. */
  #waiting: Waiting[] = [];
  readonly #limit: number;
  #underWay = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get underWay(): number {
    return this.#underWay;
  }

  wait(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  tryEnter(bytes: number): boolean {
    if (this.#waiting.length > 0 || !this.#fits(bytes)) return false;
    this.#underWay += bytes;
    return true;
  }

  leave(bytes: number): void {
    this.#underWay -= bytes;
    this.#letIn();
  }

  dropLate(now: number, limits: ReadGateLimits): void {
    this.#waiting = this.#waiting.filter((waiting) => {
      const error = whyToLeave(waiting, now, limits);
      if (error !== undefined) waiting.fail(error);
      return error === undefined;
    });
    // The one that left may have been too large for what was free, and those behind it are not.
    this.#letIn();
  }

  #letIn(): void {
    const waiting = this.#waiting;
    for (let next = waiting[0]; next !== undefined && this.#fits(next.bytes); next = waiting[0]) {
      waiting.shift();
      this.#underWay += next.bytes;
      next.begin();
    }
  }

  #fits(bytes: number): boolean {
    return this.#underWay === 0 || this.#underWay + bytes <= this.#limit;
  }
}

/** Why a request is not to wait any longer, if it is not. */
function whyToLeave({ call, since }: Waiting, now: number, { maxAgeMs, refusal }: ReadGateLimits): Error | undefined {
  const { cancelled, signal, deadline } = call;
  const gone = cancelled ?? signal?.aborted === true;
  if (gone || (deadline !== undefined && deadline <= now)) return stoppedWaiting(gone);
  return now - since > maxAgeMs ? waitedTooLong(maxAgeMs) : refusal?.();
}

function stoppedWaiting(gone: boolean): ServingError {
  const what = gone ? 'The caller went away' : "The caller's deadline passed";
  return new ServingError('DEADLINE_EXCEEDED', `${what} while the request waited for its turn to read.`, {
    hint: 'Give the call more time, or ask for less at a time; see sideboard.serving.max_pending_bytes.',
  });
}

function waitedTooLong(maxAgeMs: number): ServingError {
  return new ServingError('QUEUED_TOO_LONG', `The request waited for more than ${maxAgeMs} ms for its turn to read.`, {
    hint: 'Try again shortly, or ask for less at a time; see sideboard.serving.max_queue_age_ms.',
  });
}
