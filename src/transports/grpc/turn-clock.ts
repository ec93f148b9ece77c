/**
 * When the turn of the event loop began in which requests are being read. What is read in one turn was there at its beginning, as a rule, and
 * waits for what is read before it; a clock that is looked at for each request alone would not see that.
 */
export class TurnClock {
  #began = 0;
  #isKnown = false;

  /** @param now milliseconds @returns the time that was given first in this turn */
  at(now: number): number {
    if (this.#isKnown) return this.#began;
    this.#isKnown = true;
    this.#began = now;
    setImmediate(this.#over);
    return now;
  }

  readonly #over = (): void => {
    this.#isKnown = false;
  };
}
