import type { Caller } from '../../registry/access/caller.ts';

/** What bearer tokens are made of (RFC 6750), and the colon, which some tokens have. A class for regular expressions. */
export const TOKEN_CHARACTERS = '[A-Za-z0-9._~+/=:-]';

/** A token that was found good. */
export interface VerifiedToken {
  readonly caller: Caller;
  /** Until when that may be remembered, in milliseconds since the Unix epoch. */
  readonly rememberUntil: number;
}

/** One way of telling who a token is of. */
export interface TokenVerifier {
  /**
   * @param wasGood it was found good before, so that its caller is no stranger: where only so many can be looked at, it goes first
   * @returns `undefined` for a token that is none of this verifier's
   * @throws AuthError for one that is not good, or when that cannot be found out
   */
  verify(token: string, wasGood?: boolean): Promise<VerifiedToken | undefined> | VerifiedToken | undefined;
  close(): void;
}
