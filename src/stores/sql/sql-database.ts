import { setTimeout as sleep } from 'node:timers/promises';
import { assertTimeLeft, timeLeft } from '../call-limits.ts';
import type { CallOptions, StoreConnections } from '../online-store.ts';
import type { Retries } from '../retry-allowance.ts';
import type { StoreError } from '../store-error.ts';
import { ConnectionPool, type ConnectionPoolOptions, type PooledConnection } from './connection-pool.ts';

export interface SqlConnection extends PooledConnection {
  begin(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

export interface SqlDatabaseOptions<C extends SqlConnection> {
  readonly pool: ConnectionPoolOptions<C>;
  /** Longest time that a read may take, in milliseconds. */
  readonly readTimeoutMs: number;
  /** Whether the connection broke, so that the call may or may not have been carried out. */
  readonly isLoss: (error: unknown) => boolean;
  /** Whether the server gave a transaction up in favour of another one. */
  readonly isConflict: (error: unknown) => boolean;
  readonly translate: (error: unknown) => StoreError;
  /** Asked before a read is repeated. */
  readonly retries: Retries;
}

/** Statements have limits of their own; this is the longest delay that a timer takes. */
const NO_LIMIT = 2 ** 31 - 1;
const MAX_ATTEMPTS = 10;
const FIRST_PAUSE_MS = 5;

/** A database server behind a pool: what may be repeated is, and every error leaves as a StoreError. */
export class SqlDatabase<C extends SqlConnection> {
  readonly #options: SqlDatabaseOptions<C>;
  readonly #pool: ConnectionPool<C>;

  constructor(options: SqlDatabaseOptions<C>) {
    this.#options = Object.freeze({ ...options });
    this.#pool = new ConnectionPool(options.pool);
  }

  /** Runs queries that change nothing; once more, on a new connection, where the connection breaks under them. */
  async read<T>(work: (connection: C) => Promise<T>, options?: CallOptions): Promise<T> {
    const use = { limitMs: this.#options.readTimeoutMs, mayFinish: true };
    try {
      return await this.#pool.use(work, use, options);
    } catch (error) {
      if (!this.#options.isLoss(error)) throw this.#options.translate(error);
      this.#pool.renew();
      if (!(await this.#options.retries.granted(options))) throw this.#options.translate(error);
    }
    try {
      return await this.#pool.use(work, use, options);
    } catch (error) {
      throw this.#options.translate(error);
    }
  }

  /** Runs statements in one transaction; again, after a pause, where the server gave it up in favour of another one. */
  async transact<T>(work: (connection: C) => Promise<T>, options?: CallOptions): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#pool.use((connection) => transaction(connection, work), CHANGING, options);
      } catch (error) {
        if (!this.#options.isConflict(error) || attempt === MAX_ATTEMPTS) throw this.#options.translate(error);
      }
      const pauseMs = FIRST_PAUSE_MS * 2 ** Math.min(attempt, 5) * Math.random();
      await sleep(Math.max(0, timeLeft(options, pauseMs)));
      assertTimeLeft(options, this.#pool.doing);
    }
  }

  /** Runs statements that are not part of a transaction. */
  async change<T>(work: (connection: C) => Promise<T>, options?: CallOptions): Promise<T> {
    try {
      return await this.#pool.use(work, CHANGING, options);
    } catch (error) {
      throw this.#options.translate(error);
    }
  }

  connections(): StoreConnections {
    return this.#pool.state();
  }

  close(): void {
    this.#pool.close();
  }
}

const CHANGING = { limitMs: NO_LIMIT, mayFinish: false };

async function transaction<C extends SqlConnection, T>(connection: C, work: (connection: C) => Promise<T>): Promise<T> {
  await connection.begin();
  try {
    const result = await work(connection);
    await connection.commit();
    return result;
  } catch (error) {
    // A connection that cannot even roll back is of no use; the server rolls back what it leaves behind.
    if (!connection.broken) await connection.rollback().catch(() => connection.destroy());
    throw error;
  }
}
