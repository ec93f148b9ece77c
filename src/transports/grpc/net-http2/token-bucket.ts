/** Allows so many events at once, and so many per second in the long run. */
export class TokenBucket {
  readonly #atOnce: number;
  readonly #perSecond: number;
  #tokens: number;
  #filledAt: number;

  /** @param now milliseconds */
  constructor(atOnce: number, perSecond: number, now: number) {
    this.#atOnce = atOnce;
    this.#perSecond = perSecond;
    this.#tokens = atOnce;
    this.#filledAt = now;
  }

  /** An event came. @returns whether it was one too many */
  spent(now: number): boolean {
    const gained = (Math.max(0, now - this.#filledAt) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#atOnce, this.#tokens + gained) - 1;
    this.#filledAt = now;
    return this.#tokens < 0;
  }
}
