import { z } from 'zod';
import { PasswordFile } from '../password-file.ts';
import type { RedisClientOptions } from '../redis/redis-client.ts';
import { RedisOnlineStoreSettings } from '../redis/redis-config.ts';
import type { RedisHints } from '../redis/redis-errors.ts';
import type { Retries } from '../retry-allowance.ts';

/** `online_store:` of type `mlforge_redis`: the parameters of mlforge's `RedisStore`, with its defaults. */
export const MlforgeRedisOnlineStoreConfig = z.strictObject({
  host: z.string().min(1).default('localhost'),
  port: z.int().min(1).max(65_535).default(6379),
  /** Database number. */
  db: z.int().min(0).default(0),
  password: z.string().nullish(),
  /** What all keys begin with. May be empty, as in mlforge. */
  prefix: z.string().default('mlforge'),
  /** Seconds after which Redis forgets a row, counted from its last write. Null or 0: never. */
  ttl: z.int().min(0).nullish(),
});
export type MlforgeRedisOnlineStoreConfig = z.infer<typeof MlforgeRedisOnlineStoreConfig>;

/** `sideboard.mlforge_redis:` in feature_store.yaml: the settings of the Redis store that say anything about a single server. */
export const MlforgeRedisOnlineStoreSettings = RedisOnlineStoreSettings.omit({
  sentinel_username: true,
  sentinel_password: true,
  sentinel_tls: true,
});
export type MlforgeRedisOnlineStoreSettings = z.infer<typeof MlforgeRedisOnlineStoreSettings>;

const hints: RedisHints = {
  STORE_AUTH_FAILED: 'Check online_store.password.',
  STORE_PERMISSION_DENIED:
    'Serving needs GET and PING; writing SET and SETEX; apply and teardown PING, SCAN and UNLINK.',
};

/** How to connect. mlforge knows single servers only, without a user name and without TLS. */
export function clientOptionsFromConfig(
  { host, port, db, password }: MlforgeRedisOnlineStoreConfig,
  settings: MlforgeRedisOnlineStoreSettings,
  repoPath: string,
  retries: Retries,
): RedisClientOptions {
  const { password_file: file } = settings;
  return {
    ...settings,
    retries,
    redis_type: 'redis',
    sentinel_master: '',
    sentinel_tls: false,
    hints,
    ...(file !== undefined && { password: new PasswordFile('sideboard.mlforge_redis.password_file', file, repoPath) }),
    target: {
      nodes: [{ host, port }],
      db,
      ...(password !== undefined && password !== null && password !== '' && { password }),
      ignored: [],
    },
  };
}
