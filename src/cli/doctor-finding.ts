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

/** What a check that raised an error found. */
export function errorCheck(check: string, error: unknown): Finding {
  if (!(error instanceof SideboardError)) return { check, result: 'failed', message: String(error) };
  return {
    check,
    result: 'failed',
    message: `${error.code}: ${error.message}`,
    code: error.code,
    ...(error.hint === undefined ? {} : { advice: error.hint }),
  };
}
