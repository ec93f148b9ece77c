import { z } from 'zod';
import type { DynamoClientConfig } from '../dynamodb/dynamodb-client.ts';
import {
  DynamoDBOnlineStoreConfig,
  DynamoDBOnlineStoreSettings,
  maxPoolConnections,
  maxReadWorkers,
} from '../dynamodb/dynamodb-config.ts';
import type { DynamoHints } from '../dynamodb/dynamodb-errors.ts';

/** `online_store:` of type `mlforge_dynamodb`: the parameters of mlforge's `DynamoDBStore`, with its defaults. */
export const MlforgeDynamodbOnlineStoreConfig = z.strictObject({
  /** One table holds all features. */
  table_name: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{3,255}$/)
    .meta({ expected: '3 to 255 letters, digits, underscores, hyphens and points' }),
  /** Where it is left out, the SDK looks for it as it looks for credentials. */
  region: z.string().min(1).nullish(),
  endpoint_url: DynamoDBOnlineStoreConfig.shape.endpoint_url,
  /** Seconds after which a row has expired, counted from its last write. Null or 0: never. */
  ttl_seconds: z.int().min(0).nullish(),
  /** Whether applying and writing make the table where it is missing. */
  auto_create: z.boolean().default(true),
});
export type MlforgeDynamodbOnlineStoreConfig = z.infer<typeof MlforgeDynamodbOnlineStoreConfig>;

/** `sideboard.mlforge_dynamodb:` in feature_store.yaml. */
export const MlforgeDynamodbOnlineStoreSettings = z.strictObject({
  ...DynamoDBOnlineStoreSettings.shape,
  /** How many connections there may be, and so how many requests at the same time. */
  max_pool_connections: maxPoolConnections.default(50),
  /** How many requests one call may have under way at the same time. */
  max_read_workers: maxReadWorkers.default(10),
  /** Rows that have expired and that DynamoDB has not removed yet: `hide` them, or `serve` them as mlforge does. */
  expired_rows: z.enum(['hide', 'serve']).default('hide'),
});
export type MlforgeDynamodbOnlineStoreSettings = z.infer<typeof MlforgeDynamodbOnlineStoreSettings>;

export function clientConfigFromConfig(
  { region, endpoint_url }: MlforgeDynamodbOnlineStoreConfig,
  { max_pool_connections }: MlforgeDynamodbOnlineStoreSettings,
): DynamoClientConfig {
  const { keepalive_timeout } = DynamoDBOnlineStoreConfig.parse({ region: 'none' });
  return { region, endpoint_url, max_pool_connections, keepalive_timeout };
}

/** What the table has to look like, for whoever makes it by hand. */
export const TABLE_SCHEMA =
  'The table has the partition key entity_key (String), the sort key feature_name (String), and time to live on the attribute ttl.';

/** @param table_name for messages */
export function hintsForTable(table_name: string): DynamoHints {
  return (code, action) => {
    switch (code) {
      case 'STORE_PERMISSION_DENIED':
        return action === 'CreateTable' || action === 'UpdateTimeToLive'
          ? `Grant dynamodb:CreateTable and dynamodb:UpdateTimeToLive to the role of this process, or make the table yourself and ` +
              `set auto_create: false. ${TABLE_SCHEMA}`
          : `Grant dynamodb:${action} on ${table_name} to the role of this process; docs/reference/stores/mlforge-dynamodb.md has ` +
              'whole policies.';
      case 'STORE_TABLE_MISSING':
        return `Run \`sideboard apply\` with auto_create: true, or make it yourself, and check region and table_name. ${TABLE_SCHEMA}`;
      case 'STORE_WRONG_LAYOUT':
        return `Check table_name. ${TABLE_SCHEMA}`;
      default:
        return undefined;
    }
  };
}
