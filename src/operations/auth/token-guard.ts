import { createHash } from 'node:crypto';
import { anonymousCaller, type Caller } from '../../registry/access/caller.ts';
import type { CallGuard } from '../../transports/grpc/call-guard.ts';
import { createForwardClock } from '../forward-clock.ts';
import { AuthError, invalidToken } from './auth-error.ts';
import { TOKEN_CHARACTERS, type TokenVerifier, type VerifiedToken } from './token-verifier.ts';

export interface TokenGuardOptions {
  /** Asked in turn; the first that knows the token decides. */
  readonly verifiers: readonly TokenVerifier[];
  /** Whether a call without a token is refused. A token that is not good is refused always. */
  readonly required: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly now?: () => number;
  /** Milliseconds that never go back, for what is remembered for a while. */
  readonly elapsed?: () => number;
}

/** Larger than any token of a provider; HTTP/2 itself allows more. */
const MAX_TOKEN_LENGTH = 16_384;
const BEARER = new RegExp(`^bearer +(${TOKEN_CHARACTERS}+)$`, 'i');
const HEADER_HINT = 'Send one as the header "authorization: Bearer …".';
const MAX_REMEMBERED = 10_000;
/** A token that was refused is not looked at again for so long. */
const REMEMBER_REFUSED_MS = 5_000;
/** Probes carry no token: the kubelet cannot send one. */
const OPEN_METHODS = '/grpc.health.v1.Health/';

interface Known {
  readonly verified: VerifiedToken;
  /** By the clock that never goes back: one that is set must not make anybody be believed for longer. */
  readonly until: number;
}

interface Refused {
  readonly error: AuthError;
  /** By the same clock. */
  readonly until: number;
}

/**
 * Finds out who calls from the header `authorization`. What was found out is remembered by the token's SHA-256, the good apart from the
 * bad, so that a flood of invented tokens makes nobody else wait.
 */
export class TokenGuard implements CallGuard {
  readonly #options: TokenGuardOptions;
  readonly #now: () => number;
  readonly #elapsed: () => number;
  readonly #known = new Map<string, Known>();
  readonly #refused = new Map<string, Refused>();
  readonly #underWay = new Map<string, Promise<Caller>>();
  /** Grows when what was remembered no longer counts. */
  #generation = 0;

  constructor(options: TokenGuardOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#elapsed = options.elapsed ?? createForwardClock();
  }

  /** Part of {@link CallGuard}. */
  admit(path: string, authorization: string | undefined): Caller | Promise<Caller> {
    if (path.startsWith(OPEN_METHODS)) return anonymousCaller;
    if (authorization === undefined) {
      if (!this.#options.required) return anonymousCaller;
      throw new AuthError('AUTH_TOKEN_MISSING', 'The call carries no token.', {
        hint: HEADER_HINT,
      });
    }
    const token = authorization.length > MAX_TOKEN_LENGTH ? undefined : BEARER.exec(authorization)?.[1];
    if (token === undefined) {
      throw invalidToken('the header is not "Bearer" and a token.', { hint: HEADER_HINT });
    }
    const digest = createHash('sha256').update(token).digest('base64');
    const elapsed = this.#elapsed();
    const known = this.#known.get(digest);
    if (known !== undefined && elapsed < known.until && this.#now() < known.verified.rememberUntil) {
      return known.verified.caller;
    }
    const refused = this.#refused.get(digest);
    if (refused !== undefined && elapsed < refused.until) throw refused.error;
    const underWay = this.#underWay.get(digest);
    if (underWay !== undefined) return underWay;
    const found = this.#verify(token, digest, known !== undefined);
    this.#underWay.set(digest, found);
    return found;
  }

  /** Verifies every token again from now on. */
  forget(): void {
    this.#generation++;
    this.#known.clear();
    this.#refused.clear();
    this.#underWay.clear();
  }

  close(): void {
    for (const verifier of this.#options.verifiers) verifier.close();
  }

  async #verify(token: string, digest: string, wasGood: boolean): Promise<Caller> {
    const generation = this.#generation;
    try {
      const verified = await this.#ask(token, wasGood);
      const until = this.#elapsed() + verified.rememberUntil - this.#now();
      if (generation === this.#generation) remember(this.#known, digest, { verified, until });
      return verified.caller;
    } catch (error) {
      if (error instanceof AuthError && error.kind === 'unauthenticated' && generation === this.#generation) {
        this.#known.delete(digest);
        remember(this.#refused, digest, { error, until: this.#elapsed() + REMEMBER_REFUSED_MS });
      }
      throw error;
    } finally {
      if (generation === this.#generation) this.#underWay.delete(digest);
    }
  }

  async #ask(token: string, wasGood: boolean): Promise<VerifiedToken> {
    for (const verifier of this.#options.verifiers) {
      const verified = await verifier.verify(token, wasGood);
      if (verified !== undefined) return verified;
    }
    throw invalidToken('nobody here knows it.', {
      hint: 'Ask whoever runs this server for one, or for an entry in its file.',
    });
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
