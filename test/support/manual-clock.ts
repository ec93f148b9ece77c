import type { RegistryClock } from '../../src/registry/registry-clock.ts';

/** A clock that stands still until a test moves it. */
export class ManualClock implements RegistryClock {
  #now = 1_000_000;
  #timers: { readonly due: number; readonly run: () => void }[] = [];
  readonly #random: number;

  constructor(random = 0) {
    this.#random = random;
  }

  now(): number {
    return this.#now;
  }

  random(): number {
    return this.#random;
  }

  startTimer(run: () => void, delayMs: number): () => void {
    const timer = { due: this.#now + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Milliseconds until each timer that is set. */
  get delays(): readonly number[] {
    return this.#timers.map((timer) => timer.due - this.#now);
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter((timer) => timer.due <= this.#now);
    this.#timers = this.#timers.filter((timer) => timer.due > this.#now);
    for (const timer of due) timer.run();
  }
}
