import { z } from 'zod';
import { laxBoolean, laxInt, laxNumber } from '../../config/lax-values.ts';
import { parseTableNameTemplate } from './dynamodb-table-name.ts';

/** Feast takes whole numbers and fractions here, of seconds. */
const seconds = laxNumber(z.number().positive().max(86_400));

/** Limits of what the store of mlforge's rows has among its settings too. */
export const maxReadWorkers = z.int().min(1).max(1000);
export const maxPoolConnections = z.int().min(1).max(10_000);

/** `online_store:` of type `dynamodb`: Feast's keys with Feast's defaults. */
export const DynamoDBOnlineStoreConfig = z.strictObject({
  region: z.string().min(1).meta({ expected: 'an AWS region, for example eu-central-1' }),
  /** Another address than the region's own: a VPC endpoint, or a server for development. */
  endpoint_url: z.string().refine(isHttpUrl).meta({ expected: 'a URL that begins with http:// or https://' }).nullish(),
  /** How tables are called. `{project}` and `{table_name}` are replaced. */
  table_name_template: z
    .string()
    .default('{project}.{table_name}')
    .transform((text, context) => {
      try {
        return parseTableNameTemplate(text);
      } catch (error) {
        context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'not a template' });
        return z.NEVER;
      }
    }),
  /** Items of one BatchGetItem; DynamoDB takes no more than 100. */
  batch_size: laxInt(z.int().min(1).max(100)).default(100),
  /** Reads see every write that was acknowledged before, for twice the price. */
  consistent_reads: z.boolean().default(false),
  /** Tags of every table that is created; a view's own tag of the same name wins. */
  tags: z.record(z.string(), z.string()).nullish(),
  /** How many requests one call may have under way at the same time. */
  max_read_workers: laxInt(maxReadWorkers).default(10),
  /** How many connections there may be, and so how many requests at the same time. */
  max_pool_connections: laxInt(maxPoolConnections).default(50),
  /** Seconds after which an idle connection is closed. */
  keepalive_timeout: seconds.default(30),
  /** Seconds that connecting may take; comes before `sideboard.dynamodb.connect_timeout_ms`. */
  connect_timeout: seconds.nullish(),
  /** Seconds that an answer may take; comes before `sideboard.dynamodb.request_timeout_ms`. */
  read_timeout: seconds.nullish(),
  /** How often a request is sent in all when its connection breaks or DynamoDB fails. */
  total_max_retry_attempts: laxInt(z.int().min(1).max(100)).nullish(),
  /** How Feast's Python library waits between attempts. Of no meaning here. */
  retry_mode: z.enum(['legacy', 'standard', 'adaptive']).nullish(),
  /** Whether Feast connects before its first request. Of no meaning here. */
  warmup_connections: z.boolean().default(false),
  /** Which Python class Feast takes credentials from. Of no meaning here. */
  session_based_auth: laxBoolean().default(false),
});
export type DynamoDBOnlineStoreConfig = z.infer<typeof DynamoDBOnlineStoreConfig>;

/** `sideboard.dynamodb:` in feature_store.yaml. */
export const DynamoDBOnlineStoreSettings = z.strictObject({
  /** How long connecting may take, in milliseconds; `connect_timeout` of `online_store` comes first. */
  connect_timeout_ms: z.int().min(1).max(600_000).default(1000),
  /** How long one request may take, in milliseconds; `read_timeout` comes first, and an earlier deadline is kept. */
  request_timeout_ms: z.int().min(1).max(600_000).default(2000),
  /** How long what DynamoDB throttles is tried again, in milliseconds, where the caller's deadline does not end it earlier. */
  retry_limit_ms: z.int().min(0).max(600_000).default(10_000),
  /** Longest pause between two attempts, in milliseconds. */
  retry_max_delay_ms: z.int().min(1).max(60_000).default(1000),
  /** Requests that wait for a connection; what would exceed it fails at once. */
  max_queued_requests: z.int().min(0).max(1_000_000).default(1000),
  /** How long creating or removing a table may take, in milliseconds. */
  table_timeout_ms: z.int().min(1).max(3_600_000).default(300_000),
});
export type DynamoDBOnlineStoreSettings = z.infer<typeof DynamoDBOnlineStoreSettings>;

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol);
}
