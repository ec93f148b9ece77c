import type { ErrorTranslation } from '../error-translation.ts';
import { StoreError } from '../store-error.ts';

/** What to do about tables that are missing. */
export const APPLY = 'Run `sideboard apply` (or `feast apply`) to create what the views need.';

export const UNREACHABLE: ErrorTranslation = {
  code: 'STORE_UNAVAILABLE',
  says: 'cannot be reached',
  hint: 'Check that it runs and that host and port in online_store point at it.',
};

export const STARTING_OR_ENDING: ErrorTranslation = {
  code: 'STORE_UNAVAILABLE',
  says: 'is starting or shutting down',
  hint: 'It answers as soon as it has started.',
};

export const WRONG_COLUMNS: ErrorTranslation = {
  code: 'STORE_WRONG_LAYOUT',
  says: "has a table that is not in Feast's layout",
  hint: 'Another program made it, or an old version; drop it and apply again.',
};

export function tableMissingError(where: string, table: string, cause: unknown): StoreError {
  return new StoreError('STORE_TABLE_MISSING', `${where} has no table "${table}".`, { hint: APPLY, cause });
}
