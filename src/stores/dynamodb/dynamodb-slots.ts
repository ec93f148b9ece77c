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
  readonly #waiting = new Set<Waiting>();
  #taken = 0;

  constructor(slots: number, maxWaiting: number) {
    this.#slots = slots;
    this.#maxWaiting = maxWaiting;
  }

  get taken(): number {
    return this.#taken;
  }

  get waiting(): number {
    return this.#waiting.size;
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
    if (this.#waiting.size >= this.#maxWaiting) {
      throw new StoreError(
        'STORE_OVERLOADED',
        `${this.#taken} requests to DynamoDB are under way and ${this.#waiting.size} wait, ${doing}.`,
        { hint: 'Raise max_pool_connections or max_queued_requests of the store, or add sidecars.' },
      );
    }
    let entry: Waiting | undefined;
    const turn = new Promise<void>((resolve, reject) => {
      entry = { start: resolve, refuse: reject };
      this.#waiting.add(entry);
    });
    try {
      await withinLimits(turn, call, limitMs, doing);
    } catch (error) {
      // Given a slot in the same moment as the limit passed: somebody else's turn then.
      if (entry !== undefined && !this.#waiting.delete(entry) && !(error instanceof ClosedSlots)) this.release();
      throw error;
    }
  }

  release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#taken--;
      return;
    }
    this.#waiting.delete(next);
    next.start();
  }

  /** Sends everybody away who waits. */
  close(doing: string): void {
    for (const waiting of this.#waiting)
      waiting.refuse(new ClosedSlots('STORE_CLOSED', `The store was closed ${doing}.`));
    this.#waiting.clear();
  }
}

class ClosedSlots extends StoreError {}
