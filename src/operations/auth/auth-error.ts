import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../../errors.ts';

/** What can go wrong while it is found out who calls. */
export const authErrors = {
  AUTH_TOKEN_MISSING: { kind: 'unauthenticated', summary: 'The call carries no bearer token, and one is required.' },
  AUTH_TOKEN_INVALID: {
    kind: 'unauthenticated',
    summary: "The call's token is malformed, forged, or for somebody else.",
  },
  AUTH_TOKEN_EXPIRED: { kind: 'unauthenticated', summary: "The call's token has expired." },
  AUTH_UNAVAILABLE: {
    kind: 'unavailable',
    summary: 'Whoever knows about tokens (identity provider, Kubernetes) cannot be asked now.',
  },
  AUTH_CONFIG_INVALID: {
    kind: 'failed_precondition',
    summary: 'The settings for authentication do not go together, or a file that they name cannot be used.',
  },
} as const satisfies ErrorCatalogue;

export type AuthErrorCode = keyof typeof authErrors;

/** Never holds a token, or a part of one. */
export class AuthError extends SideboardError {
  declare readonly code: AuthErrorCode;

  constructor(code: AuthErrorCode, message: string, options: SideboardErrorOptions = {}) {
    super(code, authErrors[code].kind, message, options);
  }
}

/** @param why what is wrong with it, as a sentence without the token */
export function invalidToken(why: string, options: SideboardErrorOptions = {}): AuthError {
  return new AuthError('AUTH_TOKEN_INVALID', `The token is not accepted: ${why}`, {
    hint: 'Get a new token from the identity provider, for this service.',
    ...options,
  });
}
