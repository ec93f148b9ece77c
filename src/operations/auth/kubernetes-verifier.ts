import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AuthError, invalidToken } from './auth-error.ts';
import { fetchJson, type JsonAnswer } from './fetch-json.ts';
import type { TokenVerifier, VerifiedToken } from './token-verifier.ts';

export interface KubernetesVerifierOptions {
  /** `https://host:port` of the API server. */
  readonly apiServer: string;
  /** Folder with `token`, `ca.crt` and `namespace` of the pod's own service account. */
  readonly accountFolder: string;
  /** A token has to be for one of them; nothing: for the API server itself. */
  readonly audience: readonly string[] | undefined;
  /** How long an answer of the API server is believed. */
  readonly rememberMs: number;
  /** Told once when the role bindings may not be read. */
  readonly warn: (message: string) => void;
  readonly now?: () => number;
}

const TIMEOUT_MS = 5_000;
const MAX_BYTES = 8 * 1024 * 1024;
/** Reviews at a time: beyond it, invented tokens would keep the API server busy. A part is left to callers who are known. */
const MAX_REVIEWS = 64;
const MAX_OF_STRANGERS = 48;
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;
const ACCOUNTS_OF = 'system:serviceaccounts:';

/**
 * Tokens of Kubernetes: the API server is asked about each (`TokenReview`). A service account's roles are those that role bindings in
 * the pod's own namespace give it, as Feast has it.
 */
export function createKubernetesVerifier(options: KubernetesVerifierOptions): TokenVerifier {
  const { rememberMs, now = Date.now } = options;
  let reviews = 0;
  let warned = false;
  return {
    async verify(token, wasGood): Promise<VerifiedToken> {
      if (reviews >= (wasGood ? MAX_REVIEWS : MAX_OF_STRANGERS))
        throw unavailable('too many tokens are being reviewed');
      reviews++;
      try {
        const { username, groups } = await review(token, options);
        const [, namespace, account] = SERVICE_ACCOUNT.exec(username) ?? [];
        const namespaces = new Set(groups.filter(isOfNamespace).map((group) => group.slice(ACCOUNTS_OF.length)));
        if (namespace !== undefined) namespaces.add(namespace);
        let roles: readonly string[] = [];
        if (namespace !== undefined && account !== undefined) {
          const bound = await boundRoles(namespace, account, options);
          if (bound === undefined && !warned) {
            warned = true;
            options.warn('The role bindings of this namespace may not be read: policies by role let nobody in.');
          }
          roles = bound ?? [];
        }
        const name = namespace === undefined ? username : `${namespace}:${account}`;
        const caller = Object.freeze({ name, roles, groups, namespaces: [...namespaces] });
        return { caller, rememberUntil: now() + rememberMs };
      } finally {
        reviews--;
      }
    },
    close() {},
  };
}

/** `system:serviceaccounts` alone is the group of all of them. */
function isOfNamespace(group: string): boolean {
  return group.startsWith(ACCOUNTS_OF) && group.length > ACCOUNTS_OF.length;
}

interface ReviewedUser {
  readonly username: string;
  readonly groups: readonly string[];
}

async function review(token: string, options: KubernetesVerifierOptions): Promise<ReviewedUser> {
  const { audience } = options;
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, ...(audience === undefined ? {} : { audiences: audience }) },
  };
  const { status, json } = await ask('/apis/authentication.k8s.io/v1/tokenreviews', options, body);
  if (status !== 201 && status !== 200) {
    const hint = status === 403 ? 'the service account of this pod may not create tokenreviews' : `status ${status}`;
    throw unavailable(hint);
  }
  const review = member(json, 'status');
  if (member(review, 'authenticated') !== true) throw invalidToken('Kubernetes does not know it, or it has expired.');
  // An API server that knows nothing of audiences would leave them out, and the token may be for anybody.
  if (audience !== undefined && !texts(member(review, 'audiences')).some((each) => audience.includes(each))) {
    throw invalidToken('it was made for another audience.');
  }
  const user = member(review, 'user');
  const username = member(user, 'username');
  if (typeof username !== 'string' || username === '') throw invalidToken('it names nobody.');
  return { username, groups: texts(member(user, 'groups')) };
}

/** @returns nothing where the bindings may not be read */
async function boundRoles(
  namespace: string,
  account: string,
  options: KubernetesVerifierOptions,
): Promise<string[] | undefined> {
  const own = await fileOf('namespace', options);
  const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${encodeURIComponent(own.trim())}/rolebindings`;
  const { status, json } = await ask(path, options);
  if (status === 401 || status === 403) return undefined;
  const items = member(json, 'items');
  if (status !== 200 || !Array.isArray(items)) throw unavailable(`status ${status} for the role bindings`);
  const roles = new Set<string>();
  for (const binding of items) {
    const subjects = member(binding, 'subjects');
    const role = member(member(binding, 'roleRef'), 'name');
    const isBound = (Array.isArray(subjects) ? subjects : []).some(
      (subject) =>
        member(subject, 'kind') === 'ServiceAccount' &&
        member(subject, 'name') === account &&
        member(subject, 'namespace') === namespace,
    );
    if (isBound && typeof role === 'string') roles.add(role);
  }
  return [...roles];
}

/** Token and authorities of the pod are read every time: the kubelet replaces both. */
async function ask(path: string, options: KubernetesVerifierOptions, body?: unknown): Promise<JsonAnswer> {
  const [own, ca] = await Promise.all([fileOf('token', options), fileOf('ca.crt', options)]);
  try {
    return await fetchJson({
      url: `${options.apiServer}${path}`,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      ca,
      headers: { authorization: `Bearer ${own.trim()}` },
      ...(body === undefined ? {} : { body }),
    });
  } catch (cause) {
    throw unavailable(cause instanceof Error ? cause.message : 'no answer', cause);
  }
}

async function fileOf(name: string, { accountFolder }: KubernetesVerifierOptions): Promise<string> {
  try {
    return await readFile(join(accountFolder, name), 'utf8');
  } catch (cause) {
    throw unavailable(`${join(accountFolder, name)} cannot be read`, cause);
  }
}

/** Whoever calls is nobody yet: what is wrong is for the log, which shows causes. */
function unavailable(why: string, cause?: unknown): AuthError {
  return new AuthError('AUTH_UNAVAILABLE', 'Kubernetes cannot be asked about a token.', {
    hint: 'Try again; the log of the server says what is wrong.',
    cause: new Error(why, { cause }),
  });
}

function member(value: unknown, key: string): unknown {
  const holds = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  return holds ? (value as Record<string, unknown>)[key] : undefined;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
