import type { Http2Limits } from './http2-limits.ts';

/** What the answer to a ping adds to what was written: the frame's head and eight bytes. */
const PONG_BYTES = 17;
/** Frames that a connection writes of itself (settings, window updates) and that are not a sign of traffic. */
const OTHER_BYTES = 64;

/**
 * Counts pings that come too early, as gRPC servers do. Clients measure bandwidth by pinging around what they receive, so only
 * pings without any traffic since the last one count.
 */
export class PingGuard {
  readonly #limits: Http2Limits;
  readonly #written: () => number;
  #last = Number.NEGATIVE_INFINITY;
  #strikes = 0;
  #pongs = 0;
  #base: number;

  /** @param written bytes that the connection has written so far */
  constructor(limits: Http2Limits, written: () => number) {
    this.#limits = limits;
    this.#written = written;
    this.#base = written();
  }

  /** A call came. */
  called(): void {
    this.#last = Number.NEGATIVE_INFINITY;
    this.#strikes = 0;
  }

  /** A ping came. @returns whether it was one too many */
  pinged(now: number): boolean {
    const written = this.#written();
    if (written - this.#base > this.#pongs * PONG_BYTES + OTHER_BYTES) {
      this.called();
      this.#base = written;
      this.#pongs = 0;
    }
    this.#pongs++;
    this.#strikes = now - this.#last < this.#limits.minPingIntervalMs ? this.#strikes + 1 : 0;
    this.#last = now;
    return this.#strikes > this.#limits.maxPingStrikes;
  }
}
