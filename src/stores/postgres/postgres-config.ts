import { z } from 'zod';
import { laxBoolean, laxInt } from '../../config/lax-values.ts';

/** `online_store:` of type `postgres`: Feast's keys with Feast's defaults. */
export const PostgreSQLOnlineStoreConfig = z
  .strictObject({
    host: z.string().min(1),
    port: laxInt(z.int().min(1).max(65_535)).default(5432),
    database: z.string().min(1),
    /** Where the tables are; those of the schema `public` are found as well. Empty: the schema named like the user. */
    db_schema: z.string().default('public'),
    user: z.string().min(1),
    password: z.string(),
    /** libpq's modes: how the connection is encrypted and what of the server's certificate is checked. */
    sslmode: z
      .enum(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'])
      .nullable()
      .default('require')
      .transform((mode) => mode ?? 'prefer'),
    /** Files in PEM form; relative paths start from the folder of feature_store.yaml. */
    sslkey_path: z.string().nullish(),
    sslcert_path: z.string().nullish(),
    sslrootcert_path: z.string().nullish(),
    /** Time without traffic after which the operating system probes a connection, in seconds. */
    keepalives_idle: laxInt(z.int().min(1)).nullish(),
    /** Feast's own clients hold one connection or a pool. Of no meaning here: there always is a pool. */
    conn_type: z.enum(['singleton', 'pool']).default('singleton'),
    /** Connections of one process: kept open though unused, and at most. */
    min_conn: laxInt(z.int().min(0).max(10_000)).default(1),
    max_conn: laxInt(z.int().min(1).max(10_000)).default(10),
    /** Writes embeddings into the column that Feast's vector search reads. */
    vector_enabled: laxBoolean()
      .nullish()
      .transform((value) => value ?? false),
    /** The next two belong to Feast's own reading: accepted. */
    similarity: z
      .string()
      .nullish()
      .transform((value) => value ?? 'cosine'),
    max_batched_result_rows: laxInt(z.int().min(0)).default(2048),
    /** Keeps the numeric search column `value_num` of Feast's OpenAI-compatible search. */
    enable_openai_compatible_store: laxBoolean()
      .nullish()
      .transform((value) => value ?? false),
  })
  .superRefine((config, context) => {
    if (config.min_conn <= config.max_conn) return;
    const message = `${config.min_conn} is more than max_conn, which is ${config.max_conn}.`;
    context.addIssue({ code: 'custom', path: ['min_conn'], message });
  });
export type PostgreSQLOnlineStoreConfig = z.infer<typeof PostgreSQLOnlineStoreConfig>;

/** `sideboard.postgres:` in feature_store.yaml. */
export const PostgreSQLOnlineStoreSettings = z.strictObject({
  /** File with the password, read for every connection, in place of `online_store.password`. Relative to feature_store.yaml. */
  password_file: z.string().min(1).optional(),
  /** Whether queries are prepared once per connection. Off for a pooler that hands a connection to several clients. */
  prepared_statements: z.boolean().default(true),
  /** How long connecting may take, in milliseconds. */
  connect_timeout_ms: z.int().min(1).max(600_000).default(2000),
  /** How long a read may take, in milliseconds, unless the caller's deadline ends earlier. */
  read_timeout_ms: z.int().min(1).max(600_000).default(1000),
  /** How long a statement that writes, creates or drops may take, in milliseconds. */
  write_timeout_ms: z.int().min(1).max(3_600_000).default(30_000),
  /** How long an unused connection above `min_conn` stays open, in milliseconds. */
  idle_timeout_ms: z.int().min(50).max(86_400_000).default(60_000),
  /** How long a call waits for a connection, in milliseconds, and how many calls may wait. */
  acquire_timeout_ms: z.int().min(1).max(600_000).default(1000),
  max_waiting_calls: z.int().min(1).max(1_000_000).default(1000),
});
export type PostgreSQLOnlineStoreSettings = z.infer<typeof PostgreSQLOnlineStoreSettings>;
