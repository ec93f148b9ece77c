import type { Socket } from 'node:net';

/** How many bytes are read without a look at the clock: the replies to most requests are far smaller. */
const UNWATCHED_BYTES = 64 * 1024;
/** Longer than this, in milliseconds, one server's replies do not keep everything else waiting. */
const LONGEST_MS = 5;

/**
 * Lets the other connections have their turn while one server sends without end. The event loop reads a socket up to 32 times
 * in one turn as long as each read fills the memory that it is given. Every read may complete large requests, which are answered at once:
 * with a store that is ahead of this process a turn took 90 ms, and whoever asked for health waited for all of it.
 */
export class SocketTurns {
  readonly #socket: Socket;
  #bytes = 0;
  /** Since when this turn is watched, by `performance.now()`. */
  #watchedSince: number | undefined;
  #holdsBack = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** That many bytes were received and scanned. The requests that they complete may be answered after this. */
  received(count: number): void {
    this.#bytes += count;
    if (this.#bytes < UNWATCHED_BYTES) return;
    const now = performance.now();
    if (this.#watchedSince === undefined) {
      this.#watchedSince = now;
      setImmediate(this.#turnOver);
    } else if (!this.#holdsBack && now - this.#watchedSince > LONGEST_MS) {
      this.#holdsBack = true;
      this.#socket.pause();
    }
  }

  readonly #turnOver = (): void => {
    this.#bytes = 0;
    this.#watchedSince = undefined;
    if (!this.#holdsBack) return;
    this.#holdsBack = false;
    this.#socket.resume();
  };
}
