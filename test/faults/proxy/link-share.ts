import type { SeededRandom } from '../../support/seeded-random.ts';

const STEPS = 1_000;

/**
 * Chooses a share of the links in the order in which they are made: of every ten links one for a share of a tenth, and which of the ten is
 * left to chance. Tossed for each link, few links would have many spoilt ones in some runs and none in others.
 */
export class LinkShare {
  readonly #share: number;
  readonly #random: SeededRandom;
  #links = 0;
  #taken = 0;
  #next: number;

  /** @param share above 0, at most 1 */
  constructor(share: number, random: SeededRandom) {
    this.#share = share;
    this.#random = random;
    this.#next = this.#drawn();
  }

  takesNext(): boolean {
    const link = this.#links++;
    if (link < this.#next) return false;
    this.#taken++;
    this.#next = this.#drawn();
    return true;
  }

  #drawn(): number {
    return Math.floor((this.#taken + this.#random(STEPS) / STEPS) / this.#share);
  }
}
