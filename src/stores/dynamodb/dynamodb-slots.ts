import { withinLimits } from '../call-limits.ts';
import type { CallOptions } from '../online-store.ts';
import { StoreError } from '../store-error.ts';

interface Waiting {
  start(): void;
  refuse(error: StoreError): void;
}

/** Bounds how many requests are under way, and how many wait for that. First come, first served. */
export class RequestSlots {
  readonly #slots: number;
  readonly #maxWaiting: number;
  /** In the order in which they came. An array rather than a set, for the reason given in `encoding/roster.ts`. */
  readonly #waiting: Waiting[] = [];
  #taken = 0;

  constructor(slots: number, maxWaiting: number) {
    this.#slots = slots;
    this.#maxWaiting = maxWaiting;
  }

  get taken(): number {
    return this.#taken;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Waits for a slot; whoever got one must give it back with {@link release}.
   * @throws StoreError `STORE_OVERLOADED` when too many wait already, `STORE_TIMEOUT` at the caller's deadline
   */
  async take(call: CallOptions | undefined, limitMs: number, doing: string): Promise<void> {
    if (this.#taken < this.#slots) {
      this.#taken++;
      return;
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new StoreError(
        'STORE_OVERLOADED',
        `${this.#taken} requests to DynamoDB are under way and ${this.#waiting.length} wait, ${doing}.`,
        { hint: 'Raise max_pool_connections or max_queued_requests of the store, or add sidecars.' },
      );
    }
    let entry: Waiting | undefined;
    const turn = new Promise<void>((resolve, reject) => {
      entry = { start: resolve, refuse: reject };
      this.#waiting.push(entry);
    });
    try {
      await withinLimits(turn, call, limitMs, doing);
    } catch (error) {
      // Given a slot in the same moment as the limit passed: somebody else's turn then.
      if (entry !== undefined && !this.#leave(entry) && !(error instanceof ClosedSlots)) this.release();
      throw error;
    }
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next.start();
  }

  /** Sends everybody away who waits. */
  close(doing: string): void {
    for (const waiting of this.#waiting.splice(0)) {
      waiting.refuse(new ClosedSlots('STORE_CLOSED', `The store was closed ${doing}.`));
    }
  }

  /** @returns whether it still waited */
  #leave(entry: Waiting): boolean {
    const place = this.#waiting.indexOf(entry);
    if (place >= 0) this.#waiting.splice(place, 1);
    return place >= 0;
  }
}

class ClosedSlots extends StoreError {}
