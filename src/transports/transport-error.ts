import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../errors.ts';

/** What can go wrong with a server itself, apart from what it serves. */
export const transportErrors = {
  INVALID_LISTEN_ADDRESS: { kind: 'invalid_argument', summary: 'An address to listen on cannot be read.' },
  ADDRESS_IN_USE: { kind: 'failed_precondition', summary: 'Another process listens on the address.' },
  SHUTTING_DOWN: { kind: 'unavailable', summary: 'The server stopped before the call was answered: try another one.' },
  LISTEN_FAILED: { kind: 'failed_precondition', summary: 'The operating system refuses the address.' },
} as const satisfies ErrorCatalogue;

export type TransportErrorCode = keyof typeof transportErrors;

export class TransportError extends SideboardError {
  declare readonly code: TransportErrorCode;

  constructor(code: TransportErrorCode, message: string, options: SideboardErrorOptions = {}) {
    super(code, transportErrors[code].kind, message, options);
  }
}
