import { z } from 'zod';
import { laxBoolean, laxInt } from '../../config/lax-values.ts';

/** An empty value counts as missing, as Feast's `or` has it. */
function textOr(fallback: string) {
  return z
    .string()
    .nullish()
    .transform((value) => value || fallback);
}

/** `online_store:` of type `mysql`: Feast's keys with Feast's defaults. */
export const MySQLOnlineStoreConfig = z.strictObject({
  host: textOr('127.0.0.1'),
  port: laxInt(z.int().min(0).max(65_535))
    .nullish()
    .transform((value) => value || 3306),
  user: textOr('test'),
  password: textOr('test'),
  database: textOr('feast'),
  /** How Feast's own client writes. Of no meaning here: rows are always written in batches. */
  batch_write: laxBoolean()
    .nullish()
    .transform((value) => value ?? false),
  batch_size: laxInt().nullish(),
});
export type MySQLOnlineStoreConfig = z.infer<typeof MySQLOnlineStoreConfig>;

/** `sideboard.mysql:` in feature_store.yaml. */
export const MySQLOnlineStoreSettings = z
  .strictObject({
    /** How the connection is encrypted and what of the server's certificate is checked. */
    tls: z.enum(['off', 'require', 'verify-ca', 'verify-full']).default('off'),
    /** File with the password, read for every connection, in place of `online_store.password`. Relative as those below. */
    password_file: z.string().min(1).optional(),
    /** Files in PEM form; relative paths start from the folder of feature_store.yaml. */
    tls_ca: z.string().min(1).optional(),
    tls_cert: z.string().min(1).optional(),
    tls_key: z.string().min(1).optional(),
    /**
     * Zone of the sessions in which times are written and read: `server` for the server's own, as in Feast's sessions, or
     * an offset.
     */
    time_zone: z
      .string()
      .regex(/^(server|[+-](0\d|1[0-4]):[0-5]\d)$/)
      .meta({ expected: 'server, or an offset such as +00:00' })
      .default('server'),
    /** How long connecting may take, in milliseconds. */
    connect_timeout_ms: z.int().min(1).max(600_000).default(2000),
    /** How long a read may take, in milliseconds, unless the caller's deadline ends earlier. */
    read_timeout_ms: z.int().min(1).max(600_000).default(1000),
    /** How long a statement that writes, creates or drops may take, in milliseconds. */
    write_timeout_ms: z.int().min(1).max(3_600_000).default(30_000),
    /** Connections of one process: at most, and kept open though unused. */
    max_connections: z.int().min(1).max(10_000).default(10),
    min_connections: z.int().min(0).max(10_000).default(1),
    /** How long an unused connection above the minimum stays open, in milliseconds. */
    idle_timeout_ms: z.int().min(50).max(86_400_000).default(60_000),
    /** How long a call waits for a connection, in milliseconds, and how many calls may wait. */
    acquire_timeout_ms: z.int().min(1).max(600_000).default(1000),
    max_waiting_calls: z.int().min(1).max(1_000_000).default(1000),
    /** Time without traffic after which the operating system probes a connection, in milliseconds. */
    keep_alive_ms: z.int().min(1).max(600_000).default(15_000),
  })
  .superRefine((settings, context) => {
    if (settings.min_connections <= settings.max_connections) return;
    const message = `${settings.min_connections} is more than max_connections, which is ${settings.max_connections}.`;
    context.addIssue({ code: 'custom', path: ['min_connections'], message });
  });
export type MySQLOnlineStoreSettings = z.infer<typeof MySQLOnlineStoreSettings>;
