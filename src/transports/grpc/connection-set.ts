import type { Server } from 'node:net';
import { Roster, type RosterMember } from '../../encoding/roster.ts';
import { TransportError } from '../transport-error.ts';
import type { CallAdmission } from './call-admission.ts';
import type { Http2Limits } from './http2-limits.ts';
import type { GrpcServer } from './service-table.ts';
import type { TransportLimit } from './transport-limit.ts';

/** One client's connection, as far as the server that accepted it looks after it. */
export interface ServedConnection {
  /** Calls that have begun and not ended. */
  readonly openCalls: number;
  /** Changes with every call that begins. */
  readonly callsBegun: number;
  /** Settles when the socket is closed. */
  readonly hungUp: Promise<void>;
  /** The client has not answered when it was asked whether it is there. */
  readonly awaitsPong: boolean;
  /** Ends what takes too long. @param now milliseconds since the Unix epoch */
  sweep(now: number): void;
  /** Asks the client whether it is there. */
  checkAlive(): void;
  /** Takes no new calls, and closes behind those under way. */
  retire(): void;
  /** The same; calls that would go on for long come to an end. */
  drain(): void;
  /** Answers every call that is still open with an error. */
  abandon(error: TransportError): void;
  destroy(): void;
}

/** What is known of a connection beside what it knows itself. Times are milliseconds since the Unix epoch. */
interface Kept extends RosterMember {
  readonly connection: ServedConnection;
  /** When it is too old to be used. */
  readonly agesAt: number;
  idleSince: number;
  callsSeen: number;
  /** For one that is not used any more: when its calls end, and then when it does itself. */
  endsAt: number | undefined;
  isAbandoned: boolean;
}

export interface ConnectionSetOptions {
  readonly limits: Http2Limits;
  readonly admission: CallAdmission | undefined;
  readonly onLimit?: ((limit: TransportLimit) => void) | undefined;
  /** From 0 to 1, for ages. */
  readonly random?: () => number;
}

/** A tenth of the age more or less, so that connections made together do not end together. */
const JITTER = 0.1;

/** The connections of a server, from the first to the end of the last. */
export class ConnectionSet {
  readonly #limits: Http2Limits;
  readonly #admission: CallAdmission | undefined;
  readonly #random: () => number;
  readonly #onLimit: (limit: TransportLimit) => void;
  readonly #connections = new Roster<Kept>();
  readonly #timers: NodeJS.Timeout[] = [];
  #pongTimer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor({ limits, admission, onLimit = () => {}, random = Math.random }: ConnectionSetOptions) {
    this.#random = random;
    this.#limits = limits;
    this.#admission = admission;
    this.#onLimit = onLimit;
  }

  /** A connection that comes while the server closes is drained at once. */
  add(connection: ServedConnection): void {
    const now = performance.now();
    const { connectionAgeMs } = this.#limits;
    const age = connectionAgeMs * (1 - JITTER + 2 * JITTER * this.#random());
    const kept: Kept = {
      connection,
      agesAt: connectionAgeMs === 0 ? Number.POSITIVE_INFINITY : now + age,
      idleSince: now,
      callsSeen: connection.callsBegun,
      endsAt: undefined,
      isAbandoned: false,
      place: -1,
    };
    this.#connections.add(kept);
    void connection.hungUp.then(() => this.#connections.delete(kept));
    if (this.#closing !== undefined) connection.drain();
  }

  /** Looks after the connections from now on. @param listener what accepts them, or would if they were not handed over */
  serve(listener: Server, address: string): GrpcServer {
    const { sweepMs, keepaliveMs } = this.#limits;
    this.every(sweepMs, () => {
      // Deadlines are moments of the clock. Ages are not: a clock that is set must not end connections.
      const [now, age] = [Date.now(), performance.now()];
      for (const kept of this.#connections) {
        kept.connection.sweep(now);
        if (this.#closing === undefined) this.#lookAtAge(kept, age);
      }
    });
    this.every(keepaliveMs, () => this.#checkAlive());
    return {
      address,
      openCalls: () => [...this.#connections].reduce((sum, { connection }) => sum + connection.openCalls, 0),
      runningCalls: () => this.#admission?.running ?? 0,
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

  #checkAlive(): void {
    const { keepaliveMs, keepaliveTimeoutMs } = this.#limits;
    this.#cutSilent();
    for (const { connection } of this.#connections) connection.checkAlive();
    if (keepaliveTimeoutMs >= keepaliveMs) return;
    // If it was this process that stood still, the answers lie unread: they are taken in before the next immediate.
    this.#pongTimer = setTimeout(() => setImmediate(() => this.#cutSilent()), keepaliveTimeoutMs);
  }

  #cutSilent(): void {
    for (const { connection } of this.#connections) {
      if (!connection.awaitsPong) continue;
      this.#onLimit('keepalive');
      connection.destroy();
    }
  }

  /** Takes leave of what is too old, or has had no calls for too long. */
  #lookAtAge(kept: Kept, now: number): void {
    const { connection, endsAt } = kept;
    const { connectionIdleMs, connectionAgeGraceMs, lastAnswerMs } = this.#limits;
    if (endsAt !== undefined) {
      if (now < endsAt) return;
      if (kept.isAbandoned) {
        connection.destroy();
        return;
      }
      kept.isAbandoned = true;
      kept.endsAt = now + lastAnswerMs;
      const message = 'The connection has reached its maximum age, and the call did not end within the grace period.';
      connection.abandon(
        new TransportError('CONNECTION_TOO_OLD', message, {
          hint: 'Make the call again: a client of gRPC connects anew by itself.',
        }),
      );
      return;
    }
    if (connection.openCalls > 0 || connection.callsBegun !== kept.callsSeen) {
      kept.callsSeen = connection.callsBegun;
      kept.idleSince = now;
    }
    const isIdle = connectionIdleMs > 0 && now - kept.idleSince >= connectionIdleMs;
    if (!isIdle && now < kept.agesAt) return;
    this.#onLimit(isIdle ? 'connection_idle' : 'connection_age');
    kept.endsAt = now + connectionAgeGraceMs;
    connection.retire();
  }

  /** Stops accepting and drains every connection. Calls that outlast the grace are answered UNAVAILABLE. */
  async #close(listener: Server, graceMs: number): Promise<void> {
    const connections = this.#connections;
    const closed = new Promise<void>((resolve) => {
      // A listener that was not needed says that it does not listen, which is as good.
      listener.close(() => resolve());
    });
    for (const { connection } of connections) connection.drain();
    const timers = [
      setTimeout(() => {
        const error = new TransportError('SHUTTING_DOWN', 'The server is shutting down.');
        for (const { connection } of connections) connection.abandon(error);
      }, graceMs),
      setTimeout(() => {
        for (const { connection } of connections) connection.destroy();
      }, graceMs + this.#limits.hangUpMs),
    ];
    try {
      await closed;
      // The listener waits for the connections that it accepted, not for those that were handed over.
      await Promise.all([...connections].map(({ connection }) => connection.hungUp));
    } finally {
      clearTimeout(this.#pongTimer);
      for (const timer of [...timers, ...this.#timers]) clearTimeout(timer);
    }
  }
}
