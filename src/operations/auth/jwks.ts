import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { createForwardClock } from '../forward-clock.ts';
import { AuthError } from './auth-error.ts';
import { fetchJson } from './fetch-json.ts';
import { type JwtAlgorithm, keyFits } from './jwt-algorithms.ts';

export interface JwksOptions {
  /** URL of the provider's discovery document, which names the key set and the issuer. */
  readonly discoveryUrl: string;
  /** Authorities in PEM, in place of the system's: asked for with every fetch, since they are replaced while the process runs. */
  readonly authorities: () => Promise<Buffer | undefined>;
  readonly verifyTls: boolean;
  readonly timeoutMs: number;
  /** How long fetched keys count as fresh. */
  readonly lifespanMs: number;
  /** Told when fetching fails while earlier keys are in use. */
  readonly onError: (error: unknown) => void;
  /** Milliseconds that never go back. */
  readonly now?: () => number;
}

/** A provider's keys may be asked for anew so often: tokens with invented key ids must not make a flood of requests of it. */
const MIN_BETWEEN_FETCHES_MS = 10_000;
/** How long earlier keys are good while the provider cannot be reached. */
const MAX_STALE_MS = 24 * 3_600_000;
const MAX_DOCUMENT_BYTES = 1024 * 1024;
const MAX_KEYS = 100;

interface PublishedKey {
  readonly id: string | undefined;
  readonly algorithm: string | undefined;
  readonly key: KeyObject;
}

interface KeySet {
  readonly keys: readonly PublishedKey[];
  /** As the discovery document names it. */
  readonly issuer: string;
  readonly fetchedAt: number;
}

/** The keys of an identity provider: fetched when they are needed, kept when it is gone. */
export class Jwks {
  readonly #options: JwksOptions;
  readonly #now: () => number;
  #set: KeySet | undefined;
  #fetching: Promise<KeySet> | undefined;
  #lastAttempt = Number.NEGATIVE_INFINITY;
  #lastFailure: unknown;
  #closed = false;

  constructor(options: JwksOptions) {
    this.#options = options;
    this.#now = options.now ?? createForwardClock();
  }

  /** The issuer that the provider names. @throws AuthError `AUTH_UNAVAILABLE` */
  async issuer(): Promise<string> {
    return (await this.#current()).issuer;
  }

  /**
   * The key of a token. A key id that is not known is looked for once more, but not more often than every ten seconds.
   * @returns `undefined` where there is none
   * @throws AuthError `AUTH_UNAVAILABLE`; also where the key is not known and the provider could not be asked about it: it may be new
   */
  async keyFor(id: string | undefined, algorithm: JwtAlgorithm): Promise<KeyObject | undefined> {
    const found = pick(await this.#current(), id, algorithm);
    // A provider that has changed its keys is asked once, and all who bring tokens of the new one wait for that.
    const underWay = this.#fetching;
    if (found !== undefined) return found;
    if (underWay === undefined && !this.#mayFetch()) {
      if (this.#lastFailure !== undefined) throw unavailable(this.#lastFailure);
      return undefined;
    }
    const set = await this.#fetch().catch((error: unknown) => {
      if (underWay === undefined) this.#options.onError(error);
      throw error;
    });
    return pick(set, id, algorithm);
  }

  /**
   * For how long the keys that are in use now may be relied on without another look, in milliseconds: while they are fresh. Those of a
   * provider that is gone have to be looked at as often as it is asked.
   */
  get reliedOnForMs(): number {
    const fetchedAt = this.#set?.fetchedAt ?? Number.NEGATIVE_INFINITY;
    return Math.max(fetchedAt + this.#options.lifespanMs - this.#now(), MIN_BETWEEN_FETCHES_MS);
  }

  close(): void {
    this.#closed = true;
  }

  async #current(): Promise<KeySet> {
    const set = this.#set;
    const age = set === undefined ? Number.POSITIVE_INFINITY : this.#now() - set.fetchedAt;
    if (set !== undefined && age < MAX_STALE_MS) {
      // Keys that are no longer fresh serve while new ones are fetched.
      if (age > this.#options.lifespanMs && this.#mayFetch()) this.#fetch().catch(this.#options.onError);
      return set;
    }
    if (this.#fetching === undefined && !this.#mayFetch()) throw unavailable(this.#lastFailure);
    return this.#fetch();
  }

  #mayFetch(): boolean {
    return !this.#closed && this.#now() - this.#lastAttempt >= MIN_BETWEEN_FETCHES_MS;
  }

  #fetch(): Promise<KeySet> {
    this.#fetching ??= this.#load().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #load(): Promise<KeySet> {
    this.#lastAttempt = this.#now();
    const { discoveryUrl } = this.#options;
    try {
      const { issuer, jwks_uri: keysUrl } = await this.#document(discoveryUrl);
      if (typeof issuer !== 'string' || typeof keysUrl !== 'string' || !URL.canParse(keysUrl)) {
        throw new Error('the discovery document names no issuer, or no key set');
      }
      if (discoveryUrl.startsWith('https:') && !keysUrl.startsWith('https:')) {
        throw new Error('the discovery document names a key set that is not served by HTTPS');
      }
      const { keys } = await this.#document(keysUrl);
      const usable = keysFrom(keys);
      if (usable.length === 0) throw new Error('the key set holds no key that can verify signatures');
      this.#set = { keys: usable, issuer, fetchedAt: this.#now() };
      this.#lastFailure = undefined;
      return this.#set;
    } catch (cause) {
      this.#lastFailure = cause;
      throw unavailable(cause);
    }
  }

  async #document(url: string): Promise<Readonly<Record<string, unknown>>> {
    const { timeoutMs, authorities, verifyTls } = this.#options;
    const ca = await authorities();
    const { status, json } = await fetchJson({ url, timeoutMs, maxBytes: MAX_DOCUMENT_BYTES, ca, verifyTls });
    if (status !== 200) throw new Error(`the provider answers with status ${status}`);
    if (typeof json !== 'object' || json === null) throw new Error('the provider answers with something else');
    return json as Record<string, unknown>;
  }
}

/** A token without a key id is of the only key there is. */
function pick({ keys }: KeySet, id: string | undefined, algorithm: JwtAlgorithm): KeyObject | undefined {
  const fitting = keys.filter(
    (each) =>
      (id === undefined || each.id === id) &&
      (each.algorithm === undefined || each.algorithm === algorithm) &&
      keyFits(each.key, algorithm),
  );
  return id === undefined && fitting.length > 1 ? undefined : fitting[0]?.key;
}

/** Public keys for signatures; all others are left out, secret ones first of all. */
function keysFrom(listed: unknown): PublishedKey[] {
  const keys: PublishedKey[] = [];
  for (const each of Array.isArray(listed) ? listed.slice(0, MAX_KEYS) : []) {
    if (typeof each !== 'object' || each === null) continue;
    const { kty, use, key_ops: uses, kid, alg, n, e, crv, x, y } = each as Readonly<Record<string, unknown>>;
    if (use !== undefined && use !== 'sig') continue;
    if (Array.isArray(uses) && !uses.includes('verify')) continue;
    if (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP') continue;
    try {
      const jwk = { kty, n, e, crv, x, y } as JsonWebKey;
      const key = createPublicKey({ key: jwk, format: 'jwk' });
      keys.push({
        id: typeof kid === 'string' ? kid : undefined,
        algorithm: typeof alg === 'string' ? alg : undefined,
        key,
      });
    } catch {
      // A key of a curve that is not known here verifies nothing.
    }
  }
  return keys;
}

/** Whoever calls is nobody yet: where the provider stands and what is wrong with it is for the log, which shows causes. */
function unavailable(cause: unknown): AuthError {
  return new AuthError('AUTH_UNAVAILABLE', 'The keys of the identity provider cannot be fetched.', {
    hint: 'Try again; the log of the server says what is wrong.',
    cause,
  });
}
