import type { Socket } from 'node:net';

/** Somebody who serves connections, in another process. */
export interface ConnectionTaker {
  /** Sends it a connection. Whether it got it is told to the {@link ConnectionDealer}: `taken` or `leave`. */
  offer(socket: Socket): void;
}

/** Connections that wait while no worker takes any. More are hung up on, as a full backlog would. */
const MAX_WAITING = 1024;

/**
 * Deals connections out to workers in turn. A worker gets the next one when it has taken the one before, so that one that is
 * busy or dying holds up a single connection, and that one is dealt again when the worker leaves. Without workers connections
 * wait.
 */
export class ConnectionDealer {
  readonly #free: ConnectionTaker[] = [];
  readonly #offered = new Map<ConnectionTaker, Socket>();
  readonly #waiting: Socket[] = [];

  /** @param socket from which nothing was read: the worker reads from the start */
  accept(socket: Socket): void {
    // Its client may go away while it waits; whoever gets it will notice.
    socket.on('error', () => {});
    if (this.#waiting.length >= MAX_WAITING) socket.destroy();
    else this.#waiting.push(socket);
    this.#deal();
  }

  /** The worker takes connections from now on. */
  join(worker: ConnectionTaker): void {
    this.#free.push(worker);
    this.#deal();
  }

  /** The worker has the connection that it was offered. */
  taken(worker: ConnectionTaker): void {
    const socket = this.#offered.get(worker);
    if (socket === undefined) return;
    // Closes this process's descriptor, not the connection.
    socket.destroy();
    this.#offered.delete(worker);
    this.join(worker);
  }

  /** The worker takes no more connections. What it was offered and has not taken goes to another. */
  leave(worker: ConnectionTaker): void {
    const place = this.#free.indexOf(worker);
    if (place >= 0) this.#free.splice(place, 1);
    const socket = this.#offered.get(worker);
    this.#offered.delete(worker);
    if (socket !== undefined) this.#waiting.unshift(socket);
    this.#deal();
  }

  /** Hangs up on the connections that nobody has taken. */
  close(): void {
    for (const socket of [...this.#waiting, ...this.#offered.values()]) socket.destroy();
    this.#waiting.length = 0;
    this.#offered.clear();
  }

  #deal(): void {
    while (this.#waiting.length > 0) {
      const worker = this.#free.shift();
      if (worker === undefined) return;
      const socket = this.#waiting.shift();
      if (socket === undefined) return;
      this.#offered.set(worker, socket);
      worker.offer(socket);
    }
  }
}
