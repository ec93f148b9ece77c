import type { Caller } from '../../registry/access/caller.ts';
import { invalidToken } from './auth-error.ts';
import type { Jwks } from './jwks.ts';
import { type Claims, claimsFromJwt, type JwtRules, parseJwt } from './jwt.ts';
import type { TokenVerifier, VerifiedToken } from './token-verifier.ts';

export interface OidcVerifierOptions extends Omit<JwtRules, 'issuer'> {
  readonly jwks: Jwks;
  /** In place of the issuer that the provider's discovery document names. */
  readonly issuer: string | undefined;
  /** Whose roles count among those of Keycloak's `resource_access`. */
  readonly clientId: string | undefined;
  readonly now?: () => number;
}

/** Claims that name a caller, as Feast looks for them: people first, then programs. */
const NAMES = ['preferred_username', 'upn', 'azp', 'appid', 'sub'];

/** Tokens of an OpenID Connect provider: JWTs, verified by its published keys. */
export function createOidcVerifier(options: OidcVerifierOptions): TokenVerifier {
  const { jwks, algorithms, clientId, skewSeconds, now = Date.now } = options;
  return {
    async verify(token): Promise<VerifiedToken> {
      const jwt = parseJwt(token, algorithms);
      const key = await jwks.keyFor(jwt.keyId, jwt.algorithm);
      if (key === undefined) throw invalidToken('the provider has no such key.');
      const issuer = options.issuer ?? (await jwks.issuer());
      const time = now();
      const claims = claimsFromJwt(jwt, key, { ...options, issuer }, time);
      const ends = (Number(claims.exp) + skewSeconds) * 1000;
      // Its key may be withdrawn: it is believed for as long as the keys are.
      return { caller: callerFrom(claims, clientId), rememberUntil: Math.min(ends, time + jwks.reliedOnForMs) };
    },
    close: () => jwks.close(),
  };
}

function callerFrom(claims: Claims, clientId: string | undefined): Caller {
  const name = NAMES.map((claim) => claims[claim]).find((value) => typeof value === 'string');
  if (typeof name !== 'string') throw invalidToken('it names nobody.');
  const ofClient = clientId === undefined ? [] : texts(own(own(own(claims, 'resource_access'), clientId), 'roles'));
  const roles = new Set([...ofClient, ...texts(claims.roles)]);
  return Object.freeze({ name, roles: [...roles], groups: texts(claims.groups), namespaces: [] });
}

function own(value: unknown, key: string): unknown {
  const holds = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  return holds ? (value as Record<string, unknown>)[key] : undefined;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}
