import { readFile } from 'node:fs/promises';
import { RegistryError } from '../registry-error.ts';

/** Gives the bearer token for a call; `undefined` where none is to be sent. */
export type RegistryToken = () => Promise<string | undefined>;

/** What `auth` of `feature_store.yaml` says about tokens; the names are Feast's. */
export interface RegistryAuth {
  readonly type: 'no_auth' | 'oidc' | 'kubernetes';
  readonly token?: string;
  readonly token_env_var?: string;
  readonly client_secret?: string;
  readonly user_token?: string;
}

/** Where Kubernetes mounts the token of a pod's service account. */
const serviceAccountToken = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * Where Feast's clients find the token, in their order. `oidc`: `token`, the variable of `token_env_var`, `FEAST_OIDC_TOKEN`, the pod's service account.
 * `kubernetes`: `user_token`, the pod's service account, `LOCAL_K8S_TOKEN`. Files and variables are read for each call:
 * Kubernetes renews them.
 * @throws RegistryError `REGISTRY_SETTINGS_INVALID` for a token that would have to be asked of an identity provider.
 */
export function registryTokenFromAuth(
  auth: RegistryAuth,
  env: NodeJS.ProcessEnv,
  tokenFile = serviceAccountToken,
): RegistryToken {
  if (auth.type === 'no_auth') return async () => undefined;
  if (auth.type === 'kubernetes') {
    return async () =>
      auth.user_token ||
      (await textOf(tokenFile)) ||
      env.LOCAL_K8S_TOKEN ||
      missing('auth.user_token, or LOCAL_K8S_TOKEN');
  }
  const { token, token_env_var: variable } = auth;
  if (token) return async () => token;
  if (variable) return async () => env[variable] || missing(`the variable ${variable} of auth.token_env_var`);
  if (auth.client_secret) {
    throw new RegistryError('REGISTRY_SETTINGS_INVALID', 'A token from auth.client_secret is not fetched here.', {
      hint: 'Give the sidecar a token: auth.token_env_var, FEAST_OIDC_TOKEN, or the service account of its pod.',
    });
  }
  return async () =>
    env.FEAST_OIDC_TOKEN || (await textOf(tokenFile)) || missing('auth.token, auth.token_env_var, or FEAST_OIDC_TOKEN');
}

async function textOf(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch {
    return '';
  }
}

function missing(where: string): never {
  throw new RegistryError('REGISTRY_ACCESS_DENIED', 'There is no token for the registry server.', {
    hint: `Set ${where}, or run in a pod with a service account.`,
  });
}
