import type { Server } from 'node:net';
import type { Http2Limits } from './http2-limits.ts';
import type { GrpcServer } from './service-table.ts';

/** One client's connection, as far as the server that accepted it looks after it. */
export interface ServedConnection {
  /** Calls that have begun and not ended. */
  readonly openCalls: number;
  /** Settles when the socket is closed. */
  readonly hungUp: Promise<void>;
  /** Ends what takes too long. @param now milliseconds since the Unix epoch */
  sweep(now: number): void;
  /** Asks the client whether it is there; destroys the connection if it has not answered the last time. */
  checkAlive(): void;
  /** Takes no new calls, and closes behind those under way. */
  drain(): void;
  /** Answers every call that is still open UNAVAILABLE. */
  abandon(): void;
  destroy(): void;
}

/** The connections of a server, from the first to the end of the last. */
export class ConnectionSet {
  readonly #limits: Http2Limits;
  readonly #connections = new Set<ServedConnection>();
  readonly #timers: NodeJS.Timeout[] = [];
  #closing: Promise<void> | undefined;

  constructor(limits: Http2Limits) {
    this.#limits = limits;
  }

  /** A connection that comes while the server closes is drained at once. */
  add(connection: ServedConnection): void {
    this.#connections.add(connection);
    void connection.hungUp.then(() => this.#connections.delete(connection));
    if (this.#closing !== undefined) connection.drain();
  }

  /** Looks after the connections from now on. @param listener what accepts them, or would if they were not handed over */
  serve(listener: Server, address: string): GrpcServer {
    const { sweepMs, keepaliveMs } = this.#limits;
    this.every(sweepMs, () => {
      const now = Date.now();
      for (const connection of this.#connections) connection.sweep(now);
    });
    this.every(keepaliveMs, () => {
      for (const connection of this.#connections) connection.checkAlive();
    });
    return {
      address,
      openCalls: () => [...this.#connections].reduce((sum, { openCalls }) => sum + openCalls, 0),
      openConnections: () => this.#connections.size,
      close: (graceMs) => {
        this.#closing ??= this.#close(listener, graceMs);
        return this.#closing;
      },
    };
  }

  /** Does something again and again until the last connection is closed. */
  every(milliseconds: number, act: () => void): void {
    this.#timers.push(setInterval(act, milliseconds));
  }

  /** Stops accepting and drains every connection. Calls that outlast the grace are answered UNAVAILABLE. */
  async #close(listener: Server, graceMs: number): Promise<void> {
    const connections = this.#connections;
    const closed = new Promise<void>((resolve) => {
      // A listener that was not needed says that it does not listen, which is as good.
      listener.close(() => resolve());
    });
    for (const connection of connections) connection.drain();
    const timers = [
      setTimeout(() => {
        for (const connection of connections) connection.abandon();
      }, graceMs),
      setTimeout(() => {
        for (const connection of connections) connection.destroy();
      }, graceMs + this.#limits.hangUpMs),
    ];
    try {
      await closed;
      // The listener waits for the connections that it accepted, not for those that were handed over.
      await Promise.all([...connections].map((connection) => connection.hungUp));
    } finally {
      for (const timer of [...timers, ...this.#timers]) clearTimeout(timer);
    }
  }
}
