import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import { laxBoolean } from '../config/lax-values.ts';
import { createFileRegistrySource } from '../registry/file-registry-source.ts';
import { RegistryError } from '../registry/registry-error.ts';
import type { RegistrySource } from '../registry/registry-source.ts';
import { CliError } from './cli-error.ts';

/** Names of Feast's classes for the registry files that are read here. */
const STORE_TYPES = /^(?:feast\.infra\.registry\.\w+\.)?(?:File|S3|GCS)RegistryStore$/;

/**
 * The source that `registry` of `feature_store.yaml` names, and no other, is loaded. Nothing is connected to yet.
 * @throws CliError `CLI_REGISTRY_NOT_SERVED`; RegistryError `REGISTRY_SETTINGS_INVALID`
 */
export async function registrySourceFromConfig(
  config: FeatureStoreConfig,
  env: NodeJS.ProcessEnv,
): Promise<RegistrySource> {
  const { registry } = config;
  switch (registry.type) {
    case 'file':
      return fileSource(config, env);
    case 'sql':
      return sqlSource(config);
    case 'remote':
      return remoteSource(config, env);
    default:
      throw notServed(config, `a registry of type "${registry.type}"`);
  }
}

async function fileSource(config: FeatureStoreConfig, env: NodeJS.ProcessEnv): Promise<RegistrySource> {
  const { registry, repoPath, sideboard } = config;
  const { path, storeType } = registry;
  const { maxBytes, s3EndpointUrl } = sideboard.registry;
  if (storeType !== undefined && !STORE_TYPES.test(storeType)) {
    throw notServed(config, `a registry of registry_store_type "${storeType}"`);
  }
  const scheme = isAbsolute(path) ? undefined : /^([A-Za-z][A-Za-z0-9+.-]+):\/\//.exec(path)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      return createFileRegistrySource({ path, repoPath, maxBytes });
    case 's3': {
      const { createS3RegistrySource } = await import('../registry/s3/s3-registry-source.ts');
      const endpointUrl = s3EndpointUrl ?? env.FEAST_S3_ENDPOINT_URL;
      return createS3RegistrySource({ url: path, maxBytes, ...(endpointUrl ? { endpointUrl } : {}) });
    }
    case 'gs': {
      const { createGcsRegistrySource } = await import('../registry/gcs/gcs-registry-source.ts');
      const emulatorHost = env.STORAGE_EMULATOR_HOST;
      return createGcsRegistrySource({ url: path, maxBytes, ...(emulatorHost ? { emulatorHost } : {}) });
    }
    case 'http':
    case 'https': {
      const { createHttpRegistrySource } = await import('../registry/http/http-registry-source.ts');
      return createHttpRegistrySource({ url: path, maxBytes });
    }
    default:
      throw notServed(config, `a registry under ${scheme}://`);
  }
}

/** What the SQL registry adds to the settings of every registry, as far as reading it needs them. */
const sqlSettings = z.looseObject({
  read_path: z.string().min(1).nullish(),
  sqlalchemy_config_kwargs: z.looseObject({ connect_args: z.record(z.string(), z.unknown()).nullish() }).nullish(),
});

async function sqlSource({ registry, repoPath, project, sideboard }: FeatureStoreConfig): Promise<RegistrySource> {
  const { read_path: readPath, sqlalchemy_config_kwargs: kwargs } = registry.section.parse(sqlSettings);
  const { createSqlRegistrySourceFromUrl } = await import('../registry/sql/sql-registry-from-url.ts');
  return createSqlRegistrySourceFromUrl({
    url: readPath ?? registry.path,
    setting: `${registry.place}: ${readPath == null ? 'registry.path' : 'registry.read_path'}`,
    connectArgs: kwargs?.connect_args ?? {},
    repoPath,
    project,
    maxBytes: sideboard.registry.maxBytes,
    async openSqliteFile(path) {
      const { loadSqliteDriver } = await import('../stores/sqlite/sqlite-driver.ts');
      const Database = await loadSqliteDriver();
      return new Database(path, { readonly: true, fileMustExist: true, timeout: 0 });
    },
  });
}

const remoteSettings = z.looseObject({
  is_tls: laxBoolean().default(false),
  cert: z.string().default(''),
  client_cert: z.string().default(''),
  client_key: z.string().default(''),
  authority: z.string().default(''),
});

async function remoteSource(config: FeatureStoreConfig, env: NodeJS.ProcessEnv): Promise<RegistrySource> {
  const { registry, project, auth, repoPath, sideboard } = config;
  const settings = registry.section.parse(remoteSettings);
  if ((settings.client_cert === '') !== (settings.client_key === '')) {
    const message = `${registry.place}: registry.client_cert and registry.client_key only work together.`;
    throw new RegistryError('REGISTRY_SETTINGS_INVALID', message, { hint: 'Set both, or neither.' });
  }
  const tls = {
    repoPath,
    ...filled('ca', settings.cert || env.SSL_CERT_FILE || env.REQUESTS_CA_BUNDLE),
    ...filled('cert', settings.client_cert),
    ...filled('key', settings.client_key),
    ...filled('authority', settings.authority),
  };
  const [{ createRemoteRegistrySource }, { registryTokenFromAuth }] = await Promise.all([
    import('../registry/remote/remote-registry-source.ts'),
    import('../registry/remote/registry-token.ts'),
  ]);
  return createRemoteRegistrySource({
    // Feast's documentation puts https:// in front; gRPC has no such addresses.
    address: registry.path.replace(/^https?:\/\//, ''),
    project,
    maxBytes: sideboard.registry.maxBytes,
    token: registryTokenFromAuth({ ...auth.section.parse(tokenSettings), type: auth.type }, env),
    ...(settings.is_tls || settings.cert !== '' ? { tls } : {}),
  });
}

/** What of `auth` may hold a token. */
const tokenSettings = z
  .looseObject({
    token: z.string().nullish(),
    token_env_var: z.string().nullish(),
    client_secret: z.string().nullish(),
    user_token: z.string().nullish(),
  })
  .transform((settings) => ({
    ...filled('token', settings.token),
    ...filled('token_env_var', settings.token_env_var),
    ...filled('client_secret', settings.client_secret),
    ...filled('user_token', settings.user_token),
  }));

function filled<K extends string>(key: K, value: string | null | undefined): { readonly [key in K]?: string } {
  return value ? ({ [key]: value } as { [key in K]: string }) : {};
}

function notServed({ registry }: FeatureStoreConfig, what: string): CliError {
  return new CliError('CLI_REGISTRY_NOT_SERVED', `${registry.place}: ${what} is not read by this version.`, {
    hint: 'Use a file, s3://, gs://, http(s)://, or registry_type sql or remote; `feast apply` can write to one of them.',
  });
}

/** Where the copy of the last good registry is kept. */
export function registryCopyPath({ repoPath, sideboard }: FeatureStoreConfig): string | undefined {
  const { snapshotPath } = sideboard.registry;
  return snapshotPath === undefined ? undefined : resolve(repoPath, snapshotPath);
}
