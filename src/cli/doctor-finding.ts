import { SideboardError } from '../errors.ts';

/** What one check of `doctor` found. */
export interface Finding {
  /** `config`, `registry`, `store`, `tables`, `rows`. */
  readonly check: string;
  readonly result: 'ok' | 'warning' | 'failed';
  readonly message: string;
  /** What to do about it. */
  readonly advice?: string;
  /** The error's code, where the check failed with an error. */
  readonly code?: string;
}

/**
 * What a check that raised an error found.
 * @param about which of several things was checked, where errors do not tell them apart
 */
export function errorCheck(check: string, error: unknown, about?: string): Finding {
  const prefix = about === undefined ? '' : `${about}: `;
  if (!(error instanceof SideboardError)) return { check, result: 'failed', message: `${prefix}${String(error)}` };
  return {
    check,
    result: 'failed',
    message: `${prefix}${error.code}: ${error.message}`,
    code: error.code,
    ...(error.hint === undefined ? {} : { advice: error.hint }),
  };
}
