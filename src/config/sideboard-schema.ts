import { z } from 'zod';
import { entityKeysSchema } from './entity-key-schema.ts';

/** Defaults of the settings that `compatibility` may change: applied when the settings are put together, not by the schema. */
export const servingDefaults = {
  statuses: 'full',
  ttl: 'flag',
  entityTypes: 'coerce',
  storedTypes: 'checked',
} as const;

/** What `compatibility: feast-python` stands for. */
export const feastPythonServing = {
  statuses: 'feast-python',
  ttl: 'ignore',
  entityTypes: 'as-sent',
  storedTypes: 'as-stored',
} as const;

/** YAML reads a bare `null` as a null, not as the word. */
const ttlSchema = z
  .union([z.enum(['flag', 'null', 'ignore']), z.null()])
  .meta({ expected: 'flag, null or ignore', default: servingDefaults.ttl });

/** YAML 1.1, which Feast reads, takes bare `on` and `off` for true and false. */
const switchSchema = (fallback: 'on' | 'off') =>
  z
    .union([z.enum(['on', 'off']), z.boolean()])
    .transform((value) => value === true || value === 'on')
    .meta({ expected: 'on or off', default: fallback });

export const servingSchema = z
  .strictObject({
    statuses: z.enum(['full', 'feast-python']).meta({ default: servingDefaults.statuses }).optional(),
    ttl: ttlSchema.optional(),
    entity_types: z.enum(['coerce', 'as-sent']).meta({ default: servingDefaults.entityTypes }).optional(),
    stored_types: z.enum(['checked', 'as-stored']).meta({ default: servingDefaults.storedTypes }).optional(),
    compatibility: z.literal('feast-python').optional(),
    max_entities_per_request: z.int().min(1).default(10_000),
    max_features_per_request: z.int().min(1).default(5_000),
    max_values_per_request: z.int().min(1).default(500_000),
    max_pending_bytes: z.int().min(1).max(2_147_483_647).default(2_097_152),
    max_in_flight_calls: z.int().min(1).max(1_000_000).default(1_000),
    max_queue_age_ms: z.int().min(1).max(3_600_000).default(1_000),
    plan_cache_size: z.int().min(1).max(1_000_000).default(1_000),
    writes: switchSchema('on').optional(),
  })
  .superRefine((serving, context) => {
    if (serving.compatibility === undefined) return;
    const implied = {
      statuses: feastPythonServing.statuses,
      ttl: feastPythonServing.ttl,
      entity_types: feastPythonServing.entityTypes,
      stored_types: feastPythonServing.storedTypes,
    };
    for (const key of ['statuses', 'ttl', 'entity_types', 'stored_types'] as const) {
      if (serving[key] === undefined || serving[key] === implied[key]) continue;
      const message = `contradicts compatibility: feast-python, which means ${key}: ${implied[key]}. Remove one of the two.`;
      context.addIssue({ code: 'custom', path: [key], message });
    }
  });

/** `HOST:PORT`, `[IPV6]:PORT` or `unix:/path`. Port 0 lets the system choose one. */
const listenAddress = z
  .string()
  .refine(isListenAddress)
  .meta({ expected: 'HOST:PORT (an IPv6 host in brackets) or unix:/path' });

/** YAML 1.1 reads a bare 0660 as an octal number and a bare 660 as a decimal one: only text says which is meant. */
const socketMode = z
  .string()
  .regex(/^0?[0-7]{3}$/)
  .meta({ expected: 'an octal mode in quotes, such as "0660"' });

/** Defaults of the limits that grpc-js cannot keep. */
const grpcJsLacks = { max_metadata_bytes: 65_536, min_ping_interval_ms: 5_000 } as const;

/** Milliseconds, or 0 for no end. */
const endless = (least: number, most: number) =>
  z
    .int()
    .min(0)
    .max(most)
    .refine((value) => value === 0 || value >= least)
    .meta({ expected: `a whole number of milliseconds from ${least} to ${most}, or 0 for no end` });

const tlsSchema = z
  .strictObject({
    cert_file: z.string().min(1),
    key_file: z.string().min(1),
    client_ca_file: z.string().min(1).optional(),
    client_names: z.array(z.string().min(1)).optional(),
    min_version: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
  })
  .superRefine((tls, context) => {
    if (tls.client_names === undefined || tls.client_ca_file !== undefined) return;
    const message = 'needs client_ca_file: without it clients show no certificate.';
    context.addIssue({ code: 'custom', path: ['client_names'], message });
  });

export const grpcSchema = z
  .strictObject({
    address: listenAddress.default('127.0.0.1:50051'),
    socket_mode: socketMode.default('0660'),
    insecure_allow_remote: z.boolean().default(false),
    tls: tlsSchema.optional(),
    server: z.enum(['net-http2', 'node-http2', 'grpc-js']).default('net-http2'),
    max_message_bytes: z.int().min(1024).max(2_147_483_647).default(4_194_304),
    max_metadata_bytes: z.int().min(1024).max(1_048_576).default(grpcJsLacks.max_metadata_bytes),
    max_concurrent_streams: z.int().min(1).max(1_000_000).default(256),
    max_connections: z.int().min(1).max(1_000_000).default(2_048),
    max_connection_age_ms: endless(1_000, 604_800_000).default(1_800_000),
    max_connection_age_grace_ms: z.int().min(0).max(86_400_000).default(30_000),
    max_connection_idle_ms: endless(1_000, 604_800_000).default(300_000),
    keepalive_ms: z.int().min(1_000).max(86_400_000).default(60_000),
    keepalive_timeout_ms: z.int().min(1).max(86_400_000).default(10_000),
    min_ping_interval_ms: z.int().min(0).max(86_400_000).default(grpcJsLacks.min_ping_interval_ms),
    default_deadline_ms: z.int().min(1).max(3_600_000).default(5_000),
    max_deadline_ms: z.int().min(1).max(3_600_000).default(60_000),
    stream_idle_ms: z.int().min(1).max(86_400_000).default(300_000),
    reflection: switchSchema('off').optional(),
  })
  .superRefine((grpc, context) => {
    if (grpc.default_deadline_ms > grpc.max_deadline_ms) {
      const message = `${grpc.default_deadline_ms} ms is more than max_deadline_ms, which is ${grpc.max_deadline_ms} ms.`;
      context.addIssue({ code: 'custom', path: ['default_deadline_ms'], message });
    }
    if (grpc.server !== 'grpc-js') return;
    for (const key of ['max_metadata_bytes', 'min_ping_interval_ms'] as const) {
      if (grpc[key] === grpcJsLacks[key]) continue;
      const message = 'is of no effect with server: grpc-js, which has no such limit. Remove one of the two.';
      context.addIssue({ code: 'custom', path: [key], message });
    }
  });

/** Where probes and metrics are served unless the settings say otherwise. */
export const defaultAdminAddress = '127.0.0.1:9090';

export const adminSchema = z.strictObject({
  // YAML 1.1 reads a bare `off` as false.
  address: z
    .union([z.literal('off'), z.literal(false), listenAddress])
    .transform((value) => (value === false ? 'off' : value))
    .meta({ expected: 'HOST:PORT (an IPv6 host in brackets), unix:/path or off', default: defaultAdminAddress })
    .optional(),
});

export const readinessSchema = z.strictObject({
  store: z.enum(['startup', 'strict']).default('startup'),
});

export const shutdownSchema = z.strictObject({
  wait_ms: z.int().min(0).max(3_600_000).default(0),
});

/** What a caller may be asked for beside `auth`, which is Feast's. */
const authSettingsSchema = z.strictObject({
  callers: z.enum(['checked', 'open']).default('checked'),
  required: switchSchema('on').optional(),
  tokens_file: z.string().min(1).optional(),
  audience: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .meta({ expected: 'a text, a list of texts, or any' })
    .optional(),
  issuer: z.string().min(1).optional(),
  algorithms: z
    .array(z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']))
    .min(1)
    .default(['RS256', 'ES256']),
  clock_skew_seconds: z.int().min(0).max(60).default(30),
  review_cache_seconds: z.int().min(1).max(600).default(60),
  service_account_dir: z.string().min(1).default('/var/run/secrets/kubernetes.io/serviceaccount'),
  default: z.enum(['allow', 'deny']).default('allow'),
});

export const breakerSchema = z
  .strictObject({
    enabled: switchSchema('on').optional(),
    failures: z.int().min(1).max(1_000_000).default(5),
    stall_ms: z.int().min(100).max(3_600_000).default(300),
    probe_timeout_ms: z.int().min(1).max(3_600_000).default(500),
    min_open_ms: z.int().min(1).max(3_600_000).default(100),
    max_open_ms: z.int().min(1).max(3_600_000).default(1_000),
  })
  .superRefine((breaker, context) => {
    if (breaker.min_open_ms <= breaker.max_open_ms) return;
    const message = `${breaker.min_open_ms} ms is more than max_open_ms, which is ${breaker.max_open_ms} ms.`;
    context.addIssue({ code: 'custom', path: ['min_open_ms'], message });
  });

export const retriesSchema = z.strictObject({
  percent: z.number().min(0).max(100).default(10),
});

export const ingestSchema = z.strictObject({
  max_batches_in_flight: z.int().min(1).max(64).default(4),
  max_pending_bytes: z.int().min(1).max(2_147_483_647).default(33_554_432),
  batch_timeout_ms: z.int().min(1).max(3_600_000).default(60_000),
});

/** `http://HOST` or `https://HOST`, with port and path where they are needed, and without a user. */
const endpointUrl = z
  .string()
  .refine((url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) && new URL(url).username === '')
  .meta({ expected: 'an http:// or https:// URL without a user' });

export const registrySettingsSchema = z.strictObject({
  snapshot_path: z.string().min(1).optional(),
  timeout_ms: z.int().min(1).max(3_600_000).default(30_000),
  max_bytes: z.int().min(1024).max(2_147_483_647).default(268_435_456),
  s3_endpoint_url: endpointUrl.optional(),
});

/** `on` and `off` as {@link switchSchema}, and neither, which leaves it to the environment. */
const optionalSwitch = z
  .union([z.enum(['on', 'off']), z.boolean()])
  .transform((value) => value === true || value === 'on')
  .meta({ expected: 'on or off' })
  .optional();

const ratio = z.number().min(0).max(1);

export const tracingSchema = z.strictObject({
  enabled: optionalSwitch,
  endpoint: endpointUrl.optional(),
  protocol: z.enum(['http/protobuf', 'grpc']).default('http/protobuf'),
  sample_ratio: ratio.default(1),
  service_name: z.string().min(1).default('sideboard'),
});

export const accessLogSchema = z.strictObject({
  enabled: switchSchema('off').optional(),
  sample_ratio: ratio.default(0.01),
  slow_ms: z.int().min(1).max(3_600_000).default(250),
  max_per_second: z.int().min(0).max(1_000_000).default(10),
});

export const logSchema = z.strictObject({
  level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  format: z.enum(['auto', 'json', 'pretty']).default('auto'),
});

/**
 * Stores with settings of Sideboard's own, under `sideboard.<name>`. Their schemas are the stores': here they are kept as they
 * stand.
 */
export const storeSectionNames = [
  'sqlite',
  'redis',
  'mlforge_redis',
  'dynamodb',
  'mlforge_dynamodb',
  'mysql',
  'postgres',
  'connector',
] as const;

const storeSection = z.record(z.string(), z.unknown()).nullish();

/** `sideboard:` of `feature_store.yaml`. Feast keeps top-level keys that it does not know, so its file can carry ours. */
export const sideboardSchema = z.strictObject({
  serving: servingSchema.prefault({}),
  grpc: grpcSchema.prefault({}),
  ingest: ingestSchema.prefault({}),
  auth: authSettingsSchema.prefault({}),
  admin: adminSchema.prefault({}),
  readiness: readinessSchema.prefault({}),
  shutdown: shutdownSchema.prefault({}),
  breaker: breakerSchema.prefault({}),
  retries: retriesSchema.prefault({}),
  registry: registrySettingsSchema.prefault({}),
  workers: z.int().min(1).max(64).default(1),
  entity_key_fallback: z.literal('v2').optional(),
  entity_keys: entityKeysSchema.optional(),
  definitions: z.string().min(1).optional(),
  log: logSchema.prefault({}),
  access_log: accessLogSchema.prefault({}),
  tracing: tracingSchema.prefault({}),
  ...({
    sqlite: storeSection,
    redis: storeSection,
    mlforge_redis: storeSection,
    dynamodb: storeSection,
    mlforge_dynamodb: storeSection,
    mysql: storeSection,
    postgres: storeSection,
    connector: storeSection,
  } satisfies Record<(typeof storeSectionNames)[number], unknown>),
});

function isListenAddress(address: string): boolean {
  if (address.startsWith('unix:')) return /^unix:(?:\/\/\/|\/(?!\/))?[^/\0][^\0]*$/.test(address);
  const [, port] = /^(?:\[[0-9a-fA-F:.%]+\]|[^\s:[\]/]+):(\d{1,5})$/.exec(address) ?? [];
  return port !== undefined && Number(port) <= 65_535;
}
