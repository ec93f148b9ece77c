import { assertTimeLeft, timeLeft, withinLimits } from '../call-limits.ts';
import type { CallOptions, StoreConnections } from '../online-store.ts';
import { StoreError } from '../store-error.ts';

/** A connection as the pool sees it: for one call at a time. */
export interface PooledConnection {
  /** True once it cannot be used any more. */
  readonly broken: boolean;
  /** Cuts it at once; what waits for an answer fails. */
  destroy(): void;
}

export interface ConnectionPoolOptions<C extends PooledConnection> {
  /**
   * Opens a connection, within a limit of its own.
   * @param onBroken to be called when the connection breaks while nobody uses it
   * @throws StoreError
   */
  readonly connect: (onBroken: () => void) => Promise<C>;
  /** The server, for messages: `MySQL at 127.0.0.1:3306`. */
  readonly where: string;
  readonly maxConnections: number;
  /** How many stay open although nobody uses them. */
  readonly minConnections: number;
  /** How long a connection above the minimum stays open unused, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** How long a call waits for a connection, in milliseconds, unless its deadline comes first. */
  readonly acquireTimeoutMs: number;
  /** Calls that may wait; what would exceed it fails at once. */
  readonly maxWaiting: number;
  /** Which settings to look at when the pool is too small. */
  readonly settings: string;
}

export interface UseOptions {
  /** Longest time that the work may take, in milliseconds. */
  readonly limitMs: number;
  /**
   * True when the connection may go on answering for a moment after the caller has left, so that short deadlines do not cost a
   * connection each. False for a transaction: it must not go on.
   */
  readonly mayFinish: boolean;
}

/** How long an answer that nobody waits for may still come, in milliseconds. Then the connection is cut. */
const GRACE_MS = 100;
const MIN_SWEEP_MS = 50;

interface Waiter<C> {
  readonly handedOver: Promise<C>;
  readonly resolve: (connection: C) => void;
  readonly reject: (error: Error) => void;
}

interface Idle<C> {
  readonly connection: C;
  readonly since: number;
}

/**
 * Connections to one database server, opened as they are needed and used by one call at a time, in the order in which calls
 * came. A call that fails or is given up never leaves its connection behind in an unknown state: it is cut, and the next
 * call opens another.
 */
export class ConnectionPool<C extends PooledConnection> {
  readonly #options: ConnectionPoolOptions<C>;
  /** The one that was used last is at the end, and is used next: the others get old enough to be closed. */
  #idle: Idle<C>[] = [];
  readonly #open = new Set<C>();
  /** Open connections that are not used again once they are free. */
  readonly #outdated = new Set<C>();
  #connecting = 0;
  /** How often the connections were given up. */
  #renewals = 0;
  #waiting: Waiter<C>[] = [];
  #sweeper: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ConnectionPoolOptions<C>) {
    this.#options = Object.freeze({ ...options });
  }

  /** What a call does that waits here, for error messages. */
  get doing(): string {
    return `waiting for ${this.#options.where}`;
  }

  state(): StoreConnections {
    const idle = this.#idle.length;
    return { inUse: this.#open.size - idle, idle, connecting: this.#connecting, waiting: this.#waiting.length };
  }

  /**
   * Runs `work` on a connection of its own.
   * @throws StoreError `STORE_OVERLOADED` when none becomes free in time, `STORE_TIMEOUT`, `STORE_CLOSED`, or what `work` throws
   */
  async use<T>(work: (connection: C) => Promise<T>, use: UseOptions, options?: CallOptions): Promise<T> {
    const connection = await this.#acquire(options);
    const running = work(connection);
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    running.then(settle, settle);
    try {
      return await withinLimits(running, options, use.limitMs, this.doing);
    } finally {
      if (settled) this.#release(connection);
      else if (use.mayFinish) this.#releaseAfter(running, connection);
      else this.#discard(connection);
    }
  }

  /**
   * Uses none of the present connections any more: after one broke, the others are likely to be broken too, or about to be, those
   * included that are being opened. Calls that have one may finish.
   */
  renew(): void {
    this.#renewals++;
    for (const { connection } of this.#idle.splice(0)) this.#discard(connection);
    for (const connection of this.#open) this.#outdated.add(connection);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#sweeper);
    for (const waiter of this.#waiting.splice(0)) waiter.reject(this.#closedError());
    this.#idle = [];
    for (const connection of this.#open) connection.destroy();
    this.#open.clear();
    this.#outdated.clear();
  }

  async #acquire(options: CallOptions | undefined): Promise<C> {
    if (this.#closed) throw this.#closedError();
    assertTimeLeft(options, this.doing);
    const free = this.#takeIdle();
    if (free !== undefined) return free;
    if (this.#waiting.length >= this.#options.maxWaiting) {
      throw this.#overloaded(`${this.#waiting.length} calls wait for a connection`);
    }
    return this.#wait(options);
  }

  async #wait(options: CallOptions | undefined): Promise<C> {
    const waiter = createWaiter<C>();
    const { handedOver } = waiter;
    this.#waiting.push(waiter);
    this.#connectForWaiting();
    const limitMs = this.#options.acquireTimeoutMs;
    const comesFirst = timeLeft(options, limitMs) < limitMs;
    try {
      return await withinLimits(handedOver, options, limitMs, this.doing);
    } catch (error) {
      const place = this.#waiting.indexOf(waiter);
      const gaveUp = place >= 0;
      if (gaveUp) this.#waiting.splice(place, 1);
      // Handed over in the very moment in which the caller left.
      else handedOver.then((connection) => this.#release(connection)).catch(() => {});
      const isOurLimit = gaveUp && !comesFirst && isTimeout(error) && options?.signal?.aborted !== true;
      throw isOurLimit ? this.#overloaded(`no connection became free within ${limitMs} ms`) : error;
    }
  }

  #takeIdle(): C | undefined {
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      if (!last.connection.broken) return last.connection;
      this.#discard(last.connection);
    }
    return undefined;
  }

  /** Opens as many connections as there are calls waiting that no opening one is for, up to the bound. */
  #connectForWaiting(): void {
    while (
      this.#connecting < this.#waiting.length &&
      this.#open.size + this.#connecting < this.#options.maxConnections &&
      !this.#closed
    ) {
      this.#connecting++;
      void this.#connect();
    }
  }

  async #connect(): Promise<void> {
    const renewals = this.#renewals;
    let connection: C | undefined;
    try {
      connection = await this.#options.connect(() => this.#dropBroken());
    } catch (error) {
      this.#connecting--;
      this.#connectFailed(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#connecting--;
    if (this.#closed) {
      connection.destroy();
      return;
    }
    this.#open.add(connection);
    if (renewals !== this.#renewals) this.#outdated.add(connection);
    this.#release(connection);
  }

  /**
   * With connections open, the calls that wait get one of these. Without any, one call learns why there is none; when no
   * further attempt is under way, all do, instead of each waiting for an attempt of its own.
   */
  #connectFailed(error: Error): void {
    if (this.#open.size > 0) return;
    const failing = this.#connecting === 0 ? this.#waiting.splice(0) : this.#waiting.splice(0, 1);
    for (const waiter of failing) waiter.reject(error);
  }

  #release(connection: C): void {
    if (this.#closed || connection.broken || this.#outdated.has(connection)) {
      this.#discard(connection);
      return;
    }
    const next = this.#waiting.shift();
    if (next !== undefined) next.resolve(connection);
    else {
      this.#idle.push({ connection, since: Date.now() });
      this.#scheduleSweep();
    }
  }

  #releaseAfter(running: Promise<unknown>, connection: C): void {
    const timer = setTimeout(() => this.#discard(connection), GRACE_MS);
    const finished = (): void => {
      clearTimeout(timer);
      if (this.#open.has(connection)) this.#release(connection);
    };
    running.then(finished, finished);
  }

  #discard(connection: C): void {
    this.#open.delete(connection);
    this.#outdated.delete(connection);
    connection.destroy();
    this.#connectForWaiting();
  }

  #dropBroken(): void {
    const broken = this.#idle.filter(({ connection }) => connection.broken);
    this.#idle = this.#idle.filter(({ connection }) => !connection.broken);
    for (const { connection } of broken) this.#discard(connection);
  }

  #scheduleSweep(): void {
    if (this.#sweeper !== undefined || this.#open.size <= this.#options.minConnections) return;
    const oldest = this.#idle[0]?.since ?? Date.now();
    const waitMs = Math.max(MIN_SWEEP_MS, oldest + this.#options.idleTimeoutMs - Date.now());
    this.#sweeper = setTimeout(() => {
      this.#sweeper = undefined;
      this.#sweep();
    }, waitMs);
    // An unused connection does not keep the process from ending.
    this.#sweeper.unref();
  }

  #sweep(): void {
    const limit = Date.now() - this.#options.idleTimeoutMs;
    while (this.#open.size > this.#options.minConnections) {
      const oldest = this.#idle[0];
      if (oldest === undefined) return;
      if (oldest.since > limit) break;
      this.#idle.shift();
      this.#discard(oldest.connection);
    }
    if (this.#idle.length > 0) this.#scheduleSweep();
  }

  #overloaded(what: string): StoreError {
    return new StoreError('STORE_OVERLOADED', `${this.#options.where}: ${what}.`, {
      hint: `The database cannot keep up with the calls, or takes no more connections; see ${this.#options.settings}.`,
    });
  }

  #closedError(): StoreError {
    return new StoreError('STORE_CLOSED', `The store on ${this.#options.where} was closed.`);
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'STORE_TIMEOUT';
}

function createWaiter<C>(): Waiter<C> {
  let settle: Pick<Waiter<C>, 'resolve' | 'reject'> | undefined;
  const handedOver = new Promise<C>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return {
    handedOver,
    resolve: (connection) => settle?.resolve(connection),
    reject: (error) => settle?.reject(error),
  };
}
