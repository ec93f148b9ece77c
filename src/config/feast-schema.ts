import { z } from 'zod';
import { laxBoolean, laxInt, laxNumber } from './lax-values.ts';

/*
 * What Feast 0.67 accepts in the sections that Sideboard reads. Source: `RepoConfig`, `RegistryConfig` and its subclasses,
 * and `AuthConfig` and its subclasses of the published package. Its registries' numbers and flags are strict but for `is_tls`.
 */

/** Letters of any script, digits, `_` and `-`, the last two not in front: `is_valid_name` of Feast. */
const projectName = z
  .string()
  .min(1)
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}_-]*$/u)
  .meta({ expected: 'letters, digits, underscores and hyphens, starting with a letter or digit' });

export const projectSchema = projectName;
export const providerSchema = z.string().min(1).default('local');

/** Feast itself takes any whole number: it warns below 3 and reads everything above as 3. */
export const entityKeyVersionSchema = z.literal(3).default(3);

const registryTypes = ['file', 'sql', 'snowflake.registry', 'remote'] as const;
export const registryTypeSchema = z.enum(registryTypes).default('file');
export type RegistryType = (typeof registryTypes)[number];

/** Feast's classes behind these names: a file may name the class in their place. */
export const registryTypeOfClass: Readonly<Record<string, RegistryType>> = {
  'feast.infra.registry.registry.Registry': 'file',
  'feast.infra.registry.sql.SqlRegistry': 'sql',
  'feast.infra.registry.snowflake.SnowflakeRegistry': 'snowflake.registry',
  'feast.infra.registry.remote.RemoteRegistry': 'remote',
};

const registryKeys = {
  registry_type: registryTypeSchema,
  registry_store_type: z.string().min(1).nullish(),
  path: z.string().min(1),
  cache_ttl_seconds: z.int().min(0).default(600),
  cache_mode: z.enum(['sync', 'thread']).default('sync'),
  enable_online_feature_view_versioning: z.boolean().default(false),
  serve_features_while_materializing: z.boolean().default(false),
  purge_feast_metadata: z.boolean().default(false),
  s3_additional_kwargs: z.record(z.string(), z.string()).nullish(),
  mcp: z.record(z.string(), z.unknown()).nullish(),
};

export const fileRegistrySchema = z.strictObject(registryKeys);

/** `registry_store_type` can name a class of the user's, whose settings stand in the same section. */
export const customRegistrySchema = z.looseObject(registryKeys);

export const sqlRegistrySchema = z.strictObject({
  ...registryKeys,
  read_path: z.string().min(1).nullish(),
  sqlalchemy_config_kwargs: z.record(z.string(), z.unknown()).default({ echo: false }),
  thread_pool_executor_worker_count: z.int().min(0).default(0),
  schema_mode: z.enum(['auto', 'verify', 'skip']).default('auto'),
});

export const remoteRegistrySchema = z.strictObject({
  ...registryKeys,
  cert: z.string().default(''),
  is_tls: laxBoolean().default(false),
  client_cert: z.string().default(''),
  client_key: z.string().default(''),
  authority: z.string().default(''),
});

/** Snowflake's settings are its driver's: they are kept as they stand. It has no path. */
export const snowflakeRegistrySchema = z.looseObject({ ...registryKeys, path: z.string().default('') });

const authTypes = ['no_auth', 'oidc', 'kubernetes'] as const;
export const authTypeSchema = z.enum(authTypes);
export type AuthType = (typeof authTypes)[number];

export const noAuthSchema = z.strictObject({ type: authTypeSchema });

/** Server and client keys together: one file serves both sides. */
export const oidcAuthSchema = z.strictObject({
  type: authTypeSchema,
  auth_discovery_url: z.string().nullish(),
  client_id: z.string().nullish(),
  ui_client_id: z.string().nullish(),
  verify_ssl: laxBoolean().default(true),
  ca_cert_path: z.string().default(''),
  audience: z.string().nullish(),
  issuer: z.string().nullish(),
  jwks_cache_lifespan_seconds: laxInt(z.int().min(1)).default(300),
  jwks_request_timeout_seconds: laxNumber(z.number().gt(0)).default(10),
  username: z.string().nullish(),
  password: z.string().nullish(),
  client_secret: z.string().nullish(),
  token: z.string().nullish(),
  token_env_var: z.string().nullish(),
  token_refresh_margin_seconds: laxNumber(z.number().gt(0)).default(30),
});

/** Feast keeps any further key here. */
export const kubernetesAuthSchema = z.looseObject({ type: authTypeSchema, user_token: z.string().nullish() });

/** Top-level keys of Feast that Sideboard leaves untouched, whatever stands in them. */
export const untouchedKeys = [
  'project_description',
  'offline_store',
  'batch_engine',
  'feature_server',
  'flags',
  'embedding_model',
  'coerce_tz_aware',
  'materialization',
  'openlineage',
  'mlflow',
  'data_quality_monitoring',
] as const;
