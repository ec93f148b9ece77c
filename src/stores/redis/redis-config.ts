import { z } from 'zod';
import { laxBoolean, laxInt } from '../../config/lax-values.ts';
import { parseConnectionString } from './redis-connection-string.ts';

/** `online_store:` of type `redis`: Feast's keys with Feast's defaults. */
export const RedisOnlineStoreConfig = z.strictObject({
  redis_type: z.enum(['redis', 'redis_cluster', 'redis_sentinel']).default('redis'),
  /** Which Python library Feast reads with. It means nothing here. */
  client: z.enum(['redis', 'glide']).nullish(),
  /** The name under which the sentinels know the primary. */
  sentinel_master: z.string().min(1).default('mymaster'),
  /** `host:port[,host:port...][,name=value...]`, see {@link parseConnectionString}. */
  connection_string: z
    .string()
    .default('localhost:6379')
    .transform((text, context) => {
      try {
        return parseConnectionString(text);
      } catch (error) {
        context.addIssue({
          code: 'custom',
          message: error instanceof Error ? error.message : 'not a connection string',
        });
        return z.NEVER;
      }
    }),
  /** Seconds after which Redis forgets an entity, counted from its last accepted write of any view. Null or 0: never. */
  key_ttl_seconds: laxInt(z.int().min(0)).nullish(),
  /** Whether removing a view searches the whole database for its rows. Without it the rows stay. */
  full_scan_for_deletion: laxBoolean()
    .nullish()
    .transform((value) => value ?? true),
  /** Writes without comparing with the stored time: less work, but an older row may win. */
  skip_dedup: laxBoolean().default(false),
});
export type RedisOnlineStoreConfig = z.infer<typeof RedisOnlineStoreConfig>;

/** `sideboard.redis:` in feature_store.yaml. */
export const RedisOnlineStoreSettings = z.strictObject({
  /** How long connecting may take, in milliseconds; `socket_connect_timeout` of the connection string comes first. */
  connect_timeout_ms: z.int().min(1).max(600_000).default(2000),
  /**
   * How long a round trip may take, in milliseconds; `socket_timeout` of the connection string comes first, and a
   * caller's deadline that ends earlier is kept. A connection that is silent for so long is given up.
   */
  command_timeout_ms: z.int().min(1).max(600_000).default(1000),
  /** Longest pause between two attempts to connect again, in milliseconds. */
  reconnect_max_delay_ms: z.int().min(10).max(600_000).default(1000),
  /** Time without traffic after which the operating system probes the connection, in milliseconds. */
  keep_alive_ms: z.int().min(0).max(600_000).default(15_000),
  /** Commands of one pipeline, and rows that are written together: a read of more entities takes several round trips. */
  max_pipeline_keys: z.int().min(1).max(100_000).default(500),
  /** Commands sent and not answered yet; what would exceed it fails at once instead of queueing. */
  max_in_flight_commands: z.int().min(1).max(10_000_000).default(20_000),
  /** COUNT of the SCAN with which rows of removed views are found. */
  scan_count: z.int().min(1).max(100_000).default(1000),
  /** File with the password, read for every connection, in place of the connection string's. Relative to feature_store.yaml. */
  password_file: z.string().min(1).optional(),
  /** The sentinels' own credentials and encryption, where they have any. */
  sentinel_username: z.string().optional(),
  sentinel_password: z.string().optional(),
  sentinel_tls: z.boolean().default(false),
});
export type RedisOnlineStoreSettings = z.infer<typeof RedisOnlineStoreSettings>;
