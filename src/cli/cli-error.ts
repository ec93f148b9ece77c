import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../errors.ts';

/** What can be wrong with how a command was called. */
export const cliErrors = {
  CLI_USAGE: {
    kind: 'invalid_argument',
    summary: 'An option or argument is missing, unknown, or has a value that is not allowed.',
  },
  CLI_NOT_CONFIRMED: {
    kind: 'failed_precondition',
    summary:
      'A command that removes data was not confirmed: answered with no, or run without a terminal and without `--yes`.',
  },
  CLI_REGISTRY_NOT_SERVED: {
    kind: 'unimplemented',
    summary: 'The registry is of a type, or at a kind of place, that this version does not read.',
  },
} as const satisfies ErrorCatalogue;

export type CliErrorCode = keyof typeof cliErrors;

export class CliError extends SideboardError {
  declare readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, options: SideboardErrorOptions = {}) {
    super(code, cliErrors[code].kind, message, options);
  }
}
