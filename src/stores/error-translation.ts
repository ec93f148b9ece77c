import { StoreError, type StoreErrorCode } from './store-error.ts';

/** What an error of a client library or a server means to us. */
export interface ErrorTranslation {
  readonly code: StoreErrorCode;
  /** What the server did; its name goes before it: `cannot be reached`. */
  readonly says: string;
  readonly hint?: string | undefined;
}

/** Where no translation is known. */
export const UNEXPECTED: ErrorTranslation = { code: 'STORE_FAILED', says: 'failed in an unexpected way' };

/**
 * @param where the server for the message, for example `MySQL at 127.0.0.1:3306`
 * @param cause what is kept of the error: neither secrets nor stored values
 */
export function storeErrorFromTranslation(
  { code, says, hint }: ErrorTranslation,
  where: string,
  cause: unknown,
): StoreError {
  return new StoreError(code, `${where} ${says}.`, { ...(hint !== undefined && { hint }), cause });
}
