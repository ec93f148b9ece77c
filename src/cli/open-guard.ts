import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { oidcAuthSchema } from '../config/feast-schema.ts';
import type { FeatureStoreConfig } from '../config/feature-store-config.ts';
import { AuthError } from '../operations/auth/auth-error.ts';
import { Jwks } from '../operations/auth/jwks.ts';
import { createKubernetesVerifier } from '../operations/auth/kubernetes-verifier.ts';
import { createOidcVerifier } from '../operations/auth/oidc-verifier.ts';
import { TokenFile } from '../operations/auth/token-file.ts';
import { TokenGuard } from '../operations/auth/token-guard.ts';
import type { TokenVerifier } from '../operations/auth/token-verifier.ts';
import type { Logger } from '../operations/logger.ts';

/**
 * What finds out who calls, as `auth` and `sideboard.auth` say. Nothing is asked of anybody before the first call.
 * @throws AuthError `AUTH_CONFIG_INVALID`, ConfigError
 */
export async function openGuard(config: FeatureStoreConfig, env: NodeJS.ProcessEnv, log: Logger): Promise<TokenGuard> {
  const verifiers: TokenVerifier[] = [];
  const guard = new TokenGuard({ verifiers, required: config.sideboard.auth.required });
  if (!config.sideboard.auth.required) log.warn('calls without a token are served: sideboard.auth.required is off');
  const { tokensFile } = config.sideboard.auth;
  if (tokensFile !== undefined) {
    const file = await TokenFile.open(resolve(config.repoPath, tokensFile), {
      onReload() {
        guard.forget();
        log.info('the tokens in sideboard.auth.tokens_file have changed');
      },
      onReloadFailed: (err) => log.error({ err }, 'changed tokens cannot be used; those before them stay in use'),
    });
    verifiers.push(file);
  }
  try {
    if (config.auth.type === 'oidc') verifiers.push(await openOidc(config, log));
    if (config.auth.type === 'kubernetes') verifiers.push(openKubernetes(config, env, log));
  } catch (error) {
    guard.close();
    throw error;
  }
  return guard;
}

const NO_PROVIDER =
  'It names the identity provider. Where auth only says how this process logs in at a registry server, set ' +
  'sideboard.auth.callers: open.';

async function openOidc(config: FeatureStoreConfig, log: Logger): Promise<TokenVerifier> {
  const feast = oidcAuthSchema.omit({ type: true }).parse(plain(config.auth.section.value));
  const own = config.sideboard.auth;
  const discoveryUrl = feast.auth_discovery_url ?? undefined;
  if (discoveryUrl === undefined || !/^https?:\/\//.test(discoveryUrl) || !URL.canParse(discoveryUrl)) {
    throw invalid('auth.auth_discovery_url is missing, or is not an http:// or https:// URL.', NO_PROVIDER);
  }
  const audience = own.audience ?? ofFeast(feast.audience);
  if (audience === undefined) {
    throw invalid(
      'auth does not say for whom tokens have to be issued: audience is missing.',
      'Set auth.audience or sideboard.auth.audience to what tokens for this service have in "aud"; "any" accepts all.',
    );
  }
  if (audience === 'any') log.warn('tokens for any audience are accepted: sideboard.auth.audience is any');
  if (!feast.verify_ssl) log.warn('the certificate of the identity provider is not verified: auth.verify_ssl is false');
  if (discoveryUrl.startsWith('http:')) log.warn('the identity provider is asked without TLS: auth.auth_discovery_url');
  const authorities = () => authoritiesIn(feast.ca_cert_path, config);
  // What is missing from the start is better known at the start.
  await authorities();
  const jwks = new Jwks({
    discoveryUrl,
    authorities,
    verifyTls: feast.verify_ssl,
    timeoutMs: feast.jwks_request_timeout_seconds * 1000,
    lifespanMs: feast.jwks_cache_lifespan_seconds * 1000,
    onError: (err) =>
      log.warn({ err }, 'the keys of the identity provider cannot be fetched; the last ones stay in use'),
  });
  return createOidcVerifier({
    jwks,
    algorithms: own.algorithms,
    issuer: own.issuer ?? feast.issuer ?? undefined,
    audience: audience === 'any' ? undefined : audience,
    clientId: feast.client_id ?? undefined,
    skewSeconds: own.clockSkewSeconds,
  });
}

function openKubernetes(config: FeatureStoreConfig, env: NodeJS.ProcessEnv, log: Logger): TokenVerifier {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (host === '') {
    throw invalid(
      'auth.type is kubernetes, and KUBERNETES_SERVICE_HOST is not set: this process does not run in a cluster.',
      'Run it in a pod, or choose another type.',
    );
  }
  const { audience, reviewCacheSeconds, serviceAccountDir } = config.sideboard.auth;
  return createKubernetesVerifier({
    apiServer: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    accountFolder: resolve(config.repoPath, serviceAccountDir),
    audience: audience === 'any' ? undefined : audience,
    rememberMs: reviewCacheSeconds * 1000,
    warn: (message) => log.warn(message),
  });
}

function ofFeast(audience: string | null | undefined): readonly string[] | undefined {
  return audience == null ? undefined : [audience];
}

async function authoritiesIn(path: string, config: FeatureStoreConfig): Promise<Buffer | undefined> {
  if (path === '') return undefined;
  try {
    return await readFile(resolve(config.repoPath, path));
  } catch (cause) {
    throw invalid(
      `auth.ca_cert_path cannot be read: ${path}.`,
      'Check the path and the permissions of the file.',
      cause,
    );
  }
}

/** The section was checked when the file was read; its type stands apart. */
function plain(section: unknown): object {
  const { type: _, ...rest } = section as Record<string, unknown>;
  return rest;
}

function invalid(message: string, hint: string, cause?: unknown): AuthError {
  return new AuthError('AUTH_CONFIG_INVALID', message, { hint, cause });
}
