import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../../errors.ts';

/** What somebody who is known may not do. */
export const accessErrors = {
  ACCESS_DENIED: {
    kind: 'permission_denied',
    summary: 'No permission in the registry lets the caller do this with the feature view or service.',
  },
} as const satisfies ErrorCatalogue;

export type AccessErrorCode = keyof typeof accessErrors;

export class AccessError extends SideboardError {
  declare readonly code: AccessErrorCode;

  constructor(code: AccessErrorCode, message: string, options: SideboardErrorOptions = {}) {
    super(code, accessErrors[code].kind, message, options);
  }
}
