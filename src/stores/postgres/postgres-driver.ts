import type { ConnectionOptions } from 'node:tls';
import { loadOptionalPackage } from '../optional-package.ts';

/** The slice of pg that the store uses. */
export interface PostgresDriver {
  readonly Client: new (options: PostgresClientOptions) => PostgresClient;
}

export interface PostgresClientOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly ssl: PostgresTlsOptions | false;
  /** Settings of the session: `-c name=value`, spaces in values escaped. */
  readonly options: string;
  readonly application_name: string;
  readonly connectionTimeoutMillis: number;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelayMillis: number;
  /** Queries are sent without waiting for the answers to the ones before. */
  readonly pipeline: boolean;
  readonly types: { getTypeParser(): (text: string) => string };
}

export type PostgresTlsOptions = Pick<
  ConnectionOptions,
  'rejectUnauthorized' | 'checkServerIdentity' | 'ca' | 'cert' | 'key'
>;

export interface PostgresQuery {
  readonly text: string;
  /** Texts, arrays of them, and Buffers in the binary format of the parameter's type. */
  readonly values?: readonly unknown[];
  /** Under which the connection prepares it once and runs it often. */
  readonly name?: string;
  readonly rowMode: 'array';
}

export interface PostgresClient {
  connect(): Promise<unknown>;
  query(query: PostgresQuery): Promise<{ readonly rows: unknown }>;
  end(): Promise<void>;
  on(event: 'error' | 'end', listener: (error?: unknown) => void): unknown;
  readonly connection: { readonly stream: { destroy(): void } };
}

let loaded: Promise<PostgresDriver> | undefined;

/**
 * Loads pg on first use.
 * @throws StoreError `STORE_UNAVAILABLE` when it is not installed
 */
export function loadPostgresDriver(): Promise<PostgresDriver> {
  loaded ??= loadOptionalPackage('pg', 'postgres').then((module) => (module as { default: PostgresDriver }).default);
  return loaded;
}
