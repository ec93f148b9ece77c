import type { SecureContextOptions } from 'node:tls';
import { loadOptionalPackage } from '../optional-package.ts';

/** The slice of mysql2 that the store uses. */
export interface MysqlDriver {
  createConnection(options: MysqlClientOptions): MysqlClient;
}

export interface MysqlClientOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly charset: string;
  readonly connectTimeout: number;
  readonly enableKeepAlive: boolean;
  readonly keepAliveInitialDelay: number;
  readonly ssl?: MysqlTlsOptions;
}

export interface MysqlTlsOptions extends Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> {
  readonly rejectUnauthorized: boolean;
  readonly verifyIdentity: boolean;
}

export interface MysqlClient {
  connect(callback: (error: unknown) => void): void;
  query(
    options: { readonly sql: string; readonly rowsAsArray: true; readonly typeCast: false },
    callback: (error: unknown, rows: unknown) => void,
  ): unknown;
  on(event: 'error' | 'end', listener: (error?: unknown) => void): unknown;
  /** Says goodbye to the server, so that it counts no aborted connection. */
  end(callback: (error?: unknown) => void): unknown;
  /** Stops taking part; it leaves the socket half open. */
  destroy(): void;
  /** Replaced by the encrypted one when TLS begins. */
  readonly stream: { destroy(): void; destroySoon(): void };
}

let loaded: Promise<MysqlDriver> | undefined;

/**
 * Loads mysql2 on first use.
 * @throws StoreError `STORE_UNAVAILABLE` when it is not installed
 */
export function loadMysqlDriver(): Promise<MysqlDriver> {
  loaded ??= loadOptionalPackage('mysql2', 'mysql').then((module) => (module as { default: MysqlDriver }).default);
  return loaded;
}
