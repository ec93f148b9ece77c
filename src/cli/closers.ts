import type { Logger } from '../operations/logger.ts';

/** How long a part may take to end. Together with what is left behind it that is less than a worker may linger. */
const WITHIN_MS = 1_500;
/** The same beyond what traces, and the server with its calls, allow themselves. */
export const TRACES_WITHIN_MS = 2_000;
export const HANG_UP_WITHIN_MS = 2_500;

interface Closer {
  readonly what: string;
  readonly close: () => Promise<void>;
  readonly withinMs: number;
}

/**
 * The parts of a process that serves, to be ended in the reverse of the order in which they were added. One that fails or hangs is logged and
 * holds up nothing: a store that is away must not keep a process that has answered its last call.
 */
export class Closers {
  readonly #log: Logger;
  readonly #closers: Closer[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param withinMs for a part that has a bound of its own: more than that */
  add(what: string, close: () => Promise<void>, withinMs = WITHIN_MS): void {
    this.#closers.push({ what, close, withinMs });
  }

  /** Ends what has not been ended yet. Does not fail. */
  async closeAll(): Promise<void> {
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) await this.#end(closer);
  }

  async #end({ what, close, withinMs }: Closer): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, withinMs, 'late');
    });
    try {
      const outcome = await Promise.race([close(), late]);
      if (outcome === 'late')
        this.#log.warn({ part: what, withinMs }, 'a part of the process does not end: going on without it');
    } catch (err) {
      this.#log.warn({ part: what, err }, 'a part of the process could not be ended');
    } finally {
      clearTimeout(timer);
    }
  }
}
