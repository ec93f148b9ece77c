import { withinLimits } from '../call-limits.ts';
import type { SqlConnection } from '../sql/sql-database.ts';
import { StoreError } from '../store-error.ts';
import type { PostgreSQLOnlineStoreSettings } from './postgres-config.ts';
import {
  loadPostgresDriver,
  type PostgresClient,
  type PostgresClientOptions,
  type PostgresQuery,
} from './postgres-driver.ts';
import { isEncryptionMismatch } from './postgres-errors.ts';

/** Columns of a result row, as PostgreSQL writes them: nothing is converted. */
export type PostgresRow = readonly (string | null)[];

export interface PostgresConnectOptions {
  /** How to connect, one way after the other: the next where the server wants more encryption, or less. */
  readonly clients: () => readonly PostgresClientOptions[];
  readonly settings: Pick<
    PostgreSQLOnlineStoreSettings,
    'connect_timeout_ms' | 'write_timeout_ms' | 'prepared_statements'
  >;
  /** The server, for messages. */
  readonly where: string;
}

/** One connection with a session of known settings. */
export class PostgresConnection implements SqlConnection {
  readonly #client: PostgresClient;
  readonly #options: PostgresConnectOptions;
  #broken = false;
  #underWay = 0;

  private constructor(client: PostgresClient, options: PostgresConnectOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** @throws what pg throws, or StoreError */
  static async open(options: PostgresConnectOptions, onBroken: () => void): Promise<PostgresConnection> {
    const { Client } = await loadPostgresDriver();
    const ways = options.clients();
    for (const [index, way] of ways.entries()) {
      const connection = new PostgresConnection(new Client(way), options);
      connection.#watch(onBroken);
      try {
        await connection.#connect();
        return connection;
      } catch (error) {
        connection.destroy();
        if (index === ways.length - 1 || !isEncryptionMismatch(error)) throw error;
      }
    }
    throw new StoreError('STORE_FAILED', `There is no way to connect to ${options.where}.`);
  }

  get broken(): boolean {
    return this.#broken;
  }

  /** Runs one query. Several may be under way: they are sent at once and answered in order. */
  async query(text: string, values?: readonly unknown[], name?: string): Promise<readonly PostgresRow[]> {
    const query: PostgresQuery = {
      text,
      rowMode: 'array',
      ...(values === undefined ? {} : { values }),
      ...(name !== undefined && this.#options.settings.prepared_statements ? { name } : {}),
    };
    this.#underWay++;
    try {
      const { rows } = await this.#client.query(query);
      return Array.isArray(rows) ? (rows as PostgresRow[]) : [];
    } finally {
      this.#underWay--;
    }
  }

  /** Runs one statement that changes something, within its limit. A connection on which it takes longer is cut. */
  async change(text: string, values?: readonly unknown[], name?: string): Promise<readonly PostgresRow[]> {
    const { settings, where } = this.#options;
    try {
      const work = this.query(text, values, name);
      return await withinLimits(work, undefined, settings.write_timeout_ms, `waiting for ${where}`);
    } catch (error) {
      if (error instanceof StoreError) this.destroy();
      throw error;
    }
  }

  async begin(): Promise<void> {
    const { write_timeout_ms: limitMs } = this.#options.settings;
    await this.change(`BEGIN; SET LOCAL statement_timeout = ${limitMs}`);
  }

  async commit(): Promise<void> {
    await this.change('COMMIT');
  }

  async rollback(): Promise<void> {
    await this.change('ROLLBACK');
  }

  destroy(): void {
    const isIdle = !this.#broken && this.#underWay === 0;
    this.#broken = true;
    // The goodbye is written at once; nobody waits for an answer.
    if (isIdle) this.#client.end().catch(() => {});
    else this.#client.connection.stream.destroy();
  }

  async #connect(): Promise<void> {
    const { settings, where } = this.#options;
    // pg has a limit for this, but it ends with the TLS handshake.
    this.#underWay++;
    try {
      await withinLimits(this.#client.connect(), undefined, settings.connect_timeout_ms, `connecting to ${where}`);
    } finally {
      this.#underWay--;
    }
  }

  #watch(onBroken: () => void): void {
    const broke = (): void => {
      const wasBroken = this.#broken;
      this.#broken = true;
      if (!wasBroken) onBroken();
    };
    this.#client.on('error', broke);
    this.#client.on('end', broke);
  }
}
