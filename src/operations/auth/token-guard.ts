import { createHash } from 'node:crypto';
import { anonymousCaller, type Caller } from '../../registry/access/caller.ts';
import type { CallGuard } from '../../transports/grpc/call-guard.ts';
import { AuthError, invalidToken } from './auth-error.ts';
import type { TokenVerifier, VerifiedToken } from './token-verifier.ts';

export interface TokenGuardOptions {
  /** Asked in turn; the first that knows the token decides. */
  readonly verifiers: readonly TokenVerifier[];
  /** Whether a call without a token is refused. A token that is not good is refused always. */
  readonly required: boolean;
  readonly now?: () => number;
}

/** Larger than any token of a provider; HTTP/2 itself allows more. */
const MAX_TOKEN_LENGTH = 16_384;
const BEARER = /^bearer +([A-Za-z0-9._~+/=:-]+)$/i;
const MAX_REMEMBERED = 10_000;
/** A token that was refused is not looked at again for so long. */
const REMEMBER_REFUSED_MS = 5_000;
/** Probes carry no token: the kubelet cannot send one. */
const OPEN_METHODS = '/grpc.health.v1.Health/';

interface Refused {
  readonly error: AuthError;
  readonly until: number;
}

/**
 * Finds out who calls from the header `authorization`. What was found out is remembered by the token's SHA-256, the good apart from the
 * bad, so that a flood of invented tokens makes nobody else wait.
 */
export class TokenGuard implements CallGuard {
  readonly #options: TokenGuardOptions;
  readonly #now: () => number;
  readonly #known = new Map<string, VerifiedToken>();
  readonly #refused = new Map<string, Refused>();
  readonly #underWay = new Map<string, Promise<Caller>>();
  /** Grows when what was remembered no longer counts. */
  #generation = 0;

  constructor(options: TokenGuardOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Part of {@link CallGuard}. */
  admit(path: string, authorization: string | undefined): Caller | Promise<Caller> {
    if (path.startsWith(OPEN_METHODS)) return anonymousCaller;
    if (authorization === undefined) {
      if (!this.#options.required) return anonymousCaller;
      throw new AuthError('AUTH_TOKEN_MISSING', 'The call carries no token.', {
        hint: 'Send one as the header "authorization: Bearer …".',
      });
    }
    const token = authorization.length > MAX_TOKEN_LENGTH ? undefined : BEARER.exec(authorization)?.[1];
    if (token === undefined) throw invalidToken('the header is not "Bearer" and a token.');
    const digest = createHash('sha256').update(token).digest('base64');
    const now = this.#now();
    const known = this.#known.get(digest);
    if (known !== undefined && now < known.rememberUntil) return known.caller;
    const refused = this.#refused.get(digest);
    if (refused !== undefined && now < refused.until) throw refused.error;
    const underWay = this.#underWay.get(digest);
    if (underWay !== undefined) return underWay;
    const found = this.#verify(token, digest);
    this.#underWay.set(digest, found);
    return found;
  }

  /** Looks at every token anew from now on. */
  forget(): void {
    this.#generation++;
    this.#known.clear();
    this.#refused.clear();
    this.#underWay.clear();
  }

  close(): void {
    for (const verifier of this.#options.verifiers) verifier.close();
  }

  async #verify(token: string, digest: string): Promise<Caller> {
    const generation = this.#generation;
    try {
      const verified = await this.#ask(token);
      if (generation === this.#generation) remember(this.#known, digest, verified);
      return verified.caller;
    } catch (error) {
      if (error instanceof AuthError && error.kind === 'unauthenticated' && generation === this.#generation) {
        remember(this.#refused, digest, { error, until: this.#now() + REMEMBER_REFUSED_MS });
      }
      throw error;
    } finally {
      if (generation === this.#generation) this.#underWay.delete(digest);
    }
  }

  async #ask(token: string): Promise<VerifiedToken> {
    for (const verifier of this.#options.verifiers) {
      const verified = await verifier.verify(token);
      if (verified !== undefined) return verified;
    }
    throw invalidToken('nobody here knows it.');
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  if (map.size >= MAX_REMEMBERED) {
    // A Map keeps insertion order: the first is the oldest.
    const oldest = map.keys().next();
    if (oldest.done === false) map.delete(oldest.value);
  }
  map.set(key, value);
}
