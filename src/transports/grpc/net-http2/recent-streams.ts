/** How many are remembered. What a client has sent before it learns of a reset is less. */
const CAPACITY = 256;

/** The streams that were added last. */
export class RecentStreams {
  readonly #streams = new Set<number>();

  add(stream: number): void {
    this.#streams.add(stream);
    if (this.#streams.size <= CAPACITY) return;
    for (const oldest of this.#streams) {
      this.#streams.delete(oldest);
      return;
    }
  }

  has(stream: number): boolean {
    return this.#streams.has(stream);
  }
}
