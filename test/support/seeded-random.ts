/** Whole numbers from 0 up to `below`, the same ones for the same seed: a failure can be run again. */
export type SeededRandom = (below: number) => number;

/** A xorshift generator. */
export function createSeededRandom(seed: number): SeededRandom {
  let state = (seed ^ 0x9e3779b9) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
