import { withinLimits } from '../call-limits.ts';
import type { SqlConnection } from '../sql/sql-database.ts';
import { StoreError } from '../store-error.ts';
import type { MySQLOnlineStoreSettings } from './mysql-config.ts';
import { loadMysqlDriver, type MysqlClient, type MysqlClientOptions } from './mysql-driver.ts';

/** Columns of a result row, as bytes: nothing is converted. */
export type MysqlRow = readonly (Buffer | null)[];

export interface MysqlConnectOptions {
  readonly client: () => MysqlClientOptions;
  readonly settings: Pick<MySQLOnlineStoreSettings, 'connect_timeout_ms' | 'write_timeout_ms' | 'time_zone'>;
  /** The server, for messages. */
  readonly where: string;
}

/** Gathered values of one entity may be this long, as far as max_allowed_packet of the server allows. */
const MAX_GATHERED_BYTES = 1 << 30;

/** One connection with a session of known settings. */
export class MysqlConnection implements SqlConnection {
  readonly #client: MysqlClient;
  readonly #where: string;
  readonly #writeTimeoutMs: number;
  #broken = false;
  /** Ends the query that is under way. */
  #fail: ((error: unknown) => void) | undefined;

  private constructor(client: MysqlClient, options: MysqlConnectOptions) {
    this.#client = client;
    this.#where = options.where;
    this.#writeTimeoutMs = options.settings.write_timeout_ms;
  }

  /** @throws what mysql2 throws, or StoreError */
  static async open(options: MysqlConnectOptions, onBroken: () => void): Promise<MysqlConnection> {
    const driver = await loadMysqlDriver();
    const connection = new MysqlConnection(driver.createConnection(options.client()), options);
    connection.#watch(onBroken);
    const { connect_timeout_ms: limitMs } = options.settings;
    try {
      await withinLimits(connection.#start(options.settings), undefined, limitMs, `connecting to ${options.where}`);
    } catch (error) {
      connection.destroy();
      throw error;
    }
    return connection;
  }

  get broken(): boolean {
    return this.#broken;
  }

  /**
   * Runs one statement.
   * @returns its rows; none for a statement that gives none
   */
  query(sql: string): Promise<readonly MysqlRow[]> {
    return new Promise((resolve, reject) => {
      if (this.#broken) {
        reject(this.#lost());
        return;
      }
      this.#fail = reject;
      this.#client.query({ sql, rowsAsArray: true, typeCast: false }, (error, rows) => {
        this.#fail = undefined;
        if (error) {
          if ((error as { readonly fatal?: unknown }).fatal === true) this.#broken = true;
          reject(error);
        } else resolve(Array.isArray(rows) ? (rows as MysqlRow[]) : []);
      });
    });
  }

  /** Runs one statement that changes something, within its limit. A connection on which it takes longer is cut. */
  async change(sql: string): Promise<readonly MysqlRow[]> {
    try {
      return await withinLimits(this.query(sql), undefined, this.#writeTimeoutMs, `waiting for ${this.#where}`);
    } catch (error) {
      if (error instanceof StoreError) this.destroy();
      throw error;
    }
  }

  async begin(): Promise<void> {
    await this.change('START TRANSACTION');
  }

  async commit(): Promise<void> {
    await this.change('COMMIT');
  }

  async rollback(): Promise<void> {
    await this.change('ROLLBACK');
  }

  destroy(): void {
    const isIdle = !this.#broken && this.#fail === undefined;
    this.#broken = true;
    if (isIdle) {
      this.#client.end(() => {});
      this.#client.stream.destroySoon();
    } else {
      this.#client.destroy();
      this.#client.stream.destroy();
    }
    this.#fail?.(this.#lost());
    this.#fail = undefined;
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

  async #start(settings: MysqlConnectOptions['settings']): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#fail = reject;
      this.#client.connect((error) => (error ? reject(error) : resolve()));
    });
    this.#fail = undefined;
    await this.query(sessionSql(settings));
  }

  #lost(): Error {
    return Object.assign(new Error('The connection was cut.'), { code: 'PROTOCOL_CONNECTION_LOST' });
  }
}

/**
 * What the server or its administrator may have set otherwise: statements are read by the same rules everywhere, and a value
 * or time that does not fit is an error, never cut to size.
 */
function sessionSql(settings: MysqlConnectOptions['settings']): string {
  const zone = settings.time_zone === 'server' ? '' : `, SESSION time_zone = '${settings.time_zone}'`;
  return `
    SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
      SESSION autocommit = 1,
      SESSION group_concat_max_len = ${MAX_GATHERED_BYTES},
      SESSION innodb_lock_wait_timeout = ${Math.max(1, Math.floor(settings.write_timeout_ms / 1000))}${zone}`;
}
