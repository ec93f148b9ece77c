/** Bits of precision within one power of two: a recorded time is off by less than 0.4 %. */
const BITS = 7;
const HALF = 1 << BITS;
/** The longest time that is told apart: 2^31 µs, about 36 minutes. */
const LONGEST = 2 ** 31 - 1;
const SLOTS = (31 - BITS) * HALF + HALF;

/**
 * Counts of durations in slots that grow with the duration, as an HDR histogram has them: recording takes no memory, and
 * percentiles are as exact for 100 µs as for 10 s.
 */
export class LatencyHistogram {
  readonly #slots = new Float64Array(SLOTS);
  #count = 0;
  #longest = 0;

  /** @param micros duration in microseconds; negative ones count as 0 */
  record(micros: number): void {
    const value = Math.min(LONGEST, Math.max(0, Math.round(micros)));
    const slot = slotOf(value);
    this.#slots[slot] = (this.#slots[slot] ?? 0) + 1;
    this.#count++;
    if (value > this.#longest) this.#longest = value;
  }

  get count(): number {
    return this.#count;
  }

  /** The longest duration in microseconds, exactly; 0 where nothing was recorded. */
  get longest(): number {
    return this.#longest;
  }

  /**
   * The duration in microseconds that a share of all recorded ones does not exceed; `NaN` where nothing was recorded.
   * @param share 0.99 for the 99th percentile
   */
  percentile(share: number): number {
    if (this.#count === 0) return Number.NaN;
    const wanted = Math.max(1, Math.ceil(this.#count * share));
    let seen = 0;
    for (let slot = 0; slot < SLOTS; slot++) {
      seen += this.#slots[slot] ?? 0;
      if (seen >= wanted) return Math.min(middleOf(slot), this.#longest);
    }
    return this.#longest;
  }
}

/** Values below 256 have slots of their own; above, each power of two is divided into 128. */
function slotOf(value: number): number {
  if (value < 2 * HALF) return value;
  const shift = 31 - Math.clz32(value) - BITS;
  return shift * HALF + (value >>> shift);
}

function middleOf(slot: number): number {
  if (slot < 2 * HALF) return slot;
  const shift = Math.floor(slot / HALF) - 1;
  return (slot - shift * HALF + 0.5) * 2 ** shift;
}
