import type { KeyObject } from 'node:crypto';
import { AuthError, invalidToken } from './auth-error.ts';
import { isSignatureOf, type JwtAlgorithm } from './jwt-algorithms.ts';

/** What a token says, once its signature is known to be good. */
export type Claims = Readonly<Record<string, unknown>>;

export interface JwtRules {
  /** Algorithms that are accepted, whatever keys there are. */
  readonly algorithms: readonly JwtAlgorithm[];
  /** `iss` has to be this. */
  readonly issuer: string;
  /** One of them has to be in `aud`; nothing: it is not looked at. */
  readonly audience: readonly string[] | undefined;
  /** How far clocks may be apart, in seconds. */
  readonly skewSeconds: number;
}

/** A signed token taken apart; nothing of it is to be believed yet. */
export interface UnverifiedJwt {
  readonly algorithm: JwtAlgorithm;
  readonly keyId: string | undefined;
  readonly signed: Uint8Array;
  readonly payload: string;
  readonly signature: Buffer;
}

const CLOCKS =
  'Compare the clock of the server with that of the identity provider; sideboard.auth.clock_skew_seconds is between them.';
const PART = /^[A-Za-z0-9_-]+$/;
/** Other kinds of tokens are signed with the same keys and mean other things: identity of a logout, proof of possession. */
const TYPES = new Set(['jwt', 'at+jwt', 'application/at+jwt']);

/**
 * Takes a compact JWS apart (RFC 7515) and decides by its head alone whether to go on.
 * @throws AuthError `AUTH_TOKEN_INVALID`
 */
export function parseJwt(token: string, algorithms: readonly JwtAlgorithm[]): UnverifiedJwt {
  const parts = token.split('.');
  const [head = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3 || !parts.every((part) => PART.test(part))) throw invalidToken('it is not a signed JWT.');
  const { alg, kid, crit, typ, b64 } = objectFrom(head);
  const algorithm = algorithms.find((each) => each === alg);
  if (algorithm === undefined) {
    throw invalidToken('it is signed by an algorithm that is not accepted here.', {
      hint: 'sideboard.auth.algorithms names those that are.',
    });
  }
  if (crit !== undefined || b64 !== undefined) throw invalidToken('it has an extension that is not known here.');
  if (typ !== undefined && !(typeof typ === 'string' && TYPES.has(typ.toLowerCase()))) {
    throw invalidToken('it is a token of another type.');
  }
  if (kid !== undefined && typeof kid !== 'string') throw invalidToken('its key id is not text.');
  return {
    algorithm,
    keyId: kid,
    signed: Buffer.from(`${head}.${payload}`, 'latin1'),
    payload,
    signature: Buffer.from(signature, 'base64url'),
  };
}

/**
 * Verifies signature and claims (RFC 7519).
 * @param now milliseconds since the Unix epoch
 * @throws AuthError `AUTH_TOKEN_INVALID`, `AUTH_TOKEN_EXPIRED`
 */
export function claimsFromJwt(jwt: UnverifiedJwt, key: KeyObject, rules: JwtRules, now: number): Claims {
  if (!isSignatureOf(jwt.algorithm, key, jwt.signed, jwt.signature)) throw invalidToken('its signature is wrong.');
  const claims = objectFrom(jwt.payload);
  const seconds = now / 1000;
  const { exp, nbf, iat, iss, aud } = claims;
  const { skewSeconds, issuer, audience } = rules;
  if (!isTime(exp)) throw invalidToken('it does not say when it expires.');
  if (seconds >= exp + skewSeconds) {
    throw new AuthError('AUTH_TOKEN_EXPIRED', 'The token has expired.', { hint: 'Get a new one.' });
  }
  for (const start of [nbf, iat]) {
    if (start === undefined) continue;
    if (!isTime(start)) throw invalidToken('a time in it is not a number.');
    if (seconds < start - skewSeconds) throw invalidToken('it is not valid yet.', { hint: CLOCKS });
  }
  if (iss !== issuer) throw invalidToken('another issuer has made it.');
  if (audience !== undefined) {
    const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
    if (!named.some((each) => typeof each === 'string' && audience.includes(each))) {
      throw invalidToken('it was made for another audience.');
    }
  }
  return claims;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function objectFrom(part: string): Claims {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    // What JSON.parse says may quote the token.
    throw invalidToken('it is not a signed JWT.');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw invalidToken('it is not a signed JWT.');
  // Without a prototype: a claim that is called like a method of objects is not there.
  return Object.assign(Object.create(null), parsed);
}
