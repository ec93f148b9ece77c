import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { PasswordFile } from '../password-file.ts';
import type { Retries } from '../retry-allowance.ts';
import { StoreError } from '../store-error.ts';
import type { RedisOnlineStoreConfig, RedisOnlineStoreSettings } from './redis-config.ts';
import type { RedisTls } from './redis-connection-string.ts';
import type { RedisHints } from './redis-errors.ts';

/** What has to be known of the configuration to connect. */
export type RedisClientOptions = RedisOnlineStoreSettings &
  Pick<RedisOnlineStoreConfig, 'redis_type' | 'sentinel_master'> & {
    readonly target: RedisOnlineStoreConfig['connection_string'];
    readonly hints?: RedisHints;
    /** Gives the password for a connection, in place of the target's. */
    readonly password?: PasswordFile;
    /** Asked before a call is repeated. */
    readonly retries: Retries;
  };

const FIRST_RECONNECT_MS = 20;
const MAX_REDIRECTIONS = 6;
/** How long a server that does not answer keeps a closed connection open, in milliseconds. */
const DISCONNECT_MS = 200;

/**
 * Creates a client that is not connected yet, and that does not connect again by itself.
 * @param lost told when its connection was lost or could not be made
 * @param connector makes the sockets to a single server in place of the library
 */
export function createRedisClient(
  options: RedisClientOptions,
  lost: () => void,
  connector?: NonNullable<RedisOptions['Connector']>,
): Redis | Cluster {
  const client = unfollowedClient(options, lost, connector);
  const { password } = options;
  const prepare = (each: Redis): void => {
    sayName(each);
    if (password !== undefined) askForPassword(each, password);
  };
  if (client instanceof Cluster) client.on('+node', prepare);
  else prepare(client);
  return client;
}

/** Neither Node nor the library tells a server by which name it is wanted (SNI), and proxies that serve many need that. */
function sayName({ options }: Redis): void {
  const { host, tls } = options;
  // What sentinels name is known only later; they name addresses.
  if (tls === undefined || host === undefined || isIP(host) !== 0 || options.sentinels != null) return;
  options.tls = { ...tls, servername: host };
}

/** The library looks its options up whenever it connects. */
function askForPassword(client: Redis, file: PasswordFile): void {
  const get = (): string => file.read();
  Object.defineProperty(client.options, 'password', { get, enumerable: true, configurable: true });
}

function unfollowedClient(
  options: RedisClientOptions,
  lost: () => void,
  connector: RedisOptions['Connector'] | undefined,
): Redis | Cluster {
  const { target } = options;
  const common = commonOptions(options);
  const retryStrategy = (): null => {
    lost();
    return null;
  };
  const single = { ...common, db: target.db, enableOfflineQueue: false, retryStrategy };
  switch (options.redis_type) {
    case 'redis':
      return new Redis({ ...single, ...target.nodes[0], ...(connector && { Connector: connector }) });
    case 'redis_sentinel':
      return new Redis({
        ...single,
        sentinels: target.nodes.map((node) => ({ ...node })),
        name: options.sentinel_master,
        ...(options.sentinel_username !== undefined && { sentinelUsername: options.sentinel_username }),
        ...(options.sentinel_password !== undefined && { sentinelPassword: options.sentinel_password }),
        ...(options.sentinel_tls && target.tls && { sentinelTLS: tlsOptions(target.tls) }),
        enableTLSForSentinelMode: target.tls !== undefined,
        sentinelRetryStrategy: (times) => reconnectDelay(times, options.reconnect_max_delay_ms),
        // A demoted primary answers READONLY: leave it and ask the sentinels again.
        reconnectOnError: (error) => error.message.startsWith('READONLY'),
      });
    case 'redis_cluster':
      return new Cluster([...target.nodes], {
        redisOptions: common,
        lazyConnect: true,
        enableOfflineQueue: false,
        enableReadyCheck: false,
        maxRedirections: MAX_REDIRECTIONS,
        slotsRefreshTimeout: options.connect_timeout_ms,
        clusterRetryStrategy: retryStrategy,
        // Managed clusters announce addresses behind one certificate: with TLS, names must reach the handshake unresolved.
        ...(target.tls && { dnsLookup: (address, callback) => callback(null, address) }),
      });
  }
}

function commonOptions(options: RedisClientOptions) {
  const { target } = options;
  const password = options.password?.read() ?? target.password;
  return {
    ...(target.username !== undefined && { username: target.username }),
    ...(password !== undefined && { password }),
    ...(target.tls && { tls: tlsOptions(target.tls) }),
    lazyConnect: true,
    // RESP2 has all that is needed here, and every server and proxy speaks it.
    protocol: 2 as const,
    disableClientInfo: true,
    connectTimeout: target.connectTimeoutMs ?? options.connect_timeout_ms,
    // Calls have their own limit; this one ends connections that went silent, and with them their queue.
    socketTimeout: target.commandTimeoutMs ?? options.command_timeout_ms,
    keepAlive: options.keep_alive_ms,
    disconnectTimeout: DISCONNECT_MS,
    noDelay: true,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A server that loads answers LOADING by itself; the check would hide it behind a reconnect.
    enableReadyCheck: false,
  } satisfies RedisOptions;
}

/** Doubles from 20 ms to the limit; the second half is left to chance, so that many sidecars do not come at once. */
export function reconnectDelay(times: number, maxMs: number): number {
  const delay = Math.min(maxMs, FIRST_RECONNECT_MS * 2 ** Math.min(times - 1, 20));
  return Math.ceil(delay * (0.5 + Math.random() / 2));
}

function tlsOptions(tls: RedisTls): ConnectionOptions {
  return {
    rejectUnauthorized: tls.verify,
    ...(tls.checkHostname ? {} : { checkServerIdentity: () => undefined }),
    ...(tls.caFile !== undefined && { ca: readPem('ssl_ca_certs', tls.caFile) }),
    ...(tls.certFile !== undefined && { cert: readPem('ssl_certfile', tls.certFile) }),
    ...(tls.keyFile !== undefined && { key: readPem('ssl_keyfile', tls.keyFile) }),
  };
}

function readPem(parameter: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new StoreError('STORE_UNAVAILABLE', `The file of ${parameter} cannot be read: ${file}.`, {
      hint: 'Check the path and the permissions of the file.',
      cause: error,
    });
  }
}
