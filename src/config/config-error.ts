import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../errors.ts';

/** Everything that can be wrong with `feature_store.yaml`. */
export const configErrors = {
  CONFIG_NOT_FOUND: { kind: 'not_found', summary: 'There is no feature_store.yaml at the given place.' },
  CONFIG_UNREADABLE: {
    kind: 'failed_precondition',
    summary: 'The file is there but cannot be read: a folder, no permission, too large, or not UTF-8.',
  },
  CONFIG_SYNTAX: { kind: 'invalid_argument', summary: 'The file is not valid YAML, or writes one key twice.' },
  CONFIG_INVALID: {
    kind: 'invalid_argument',
    summary: 'A setting is missing, unknown, or has a value that is not allowed.',
  },
  CONFIG_ENV_MISSING: {
    kind: 'failed_precondition',
    summary: 'A setting in use refers to an environment variable that is not set and has no default.',
  },
} as const satisfies ErrorCatalogue;

export type ConfigErrorCode = keyof typeof configErrors;

/** One thing that is wrong at one place of the file. Its texts never hold a secret. */
export interface ConfigViolation {
  readonly code: ConfigErrorCode;
  /** 1-based line of the file as it was written, before `${VAR}` expansion. */
  readonly line: number;
  /** 1-based column in that line. */
  readonly column: number;
  /** Dotted key from the top of the file; empty where the whole file is meant. */
  readonly key: string;
  /** What is wrong, as a sentence. */
  readonly problem: string;
  /** What to do about it, as a sentence. */
  readonly hint?: string;
}

/**
 * The configuration cannot be used. `violations` holds all that was found wrong in one pass, in the order of the file; it is
 * empty where the file could not be read at all. One violation becomes message and hint; of several, each is a line of the
 * message, with its own hint.
 */
export class ConfigError extends SideboardError {
  declare readonly code: ConfigErrorCode;
  /** The file, as it was named by whoever asked for it. */
  readonly file: string;
  readonly violations: readonly ConfigViolation[];

  constructor(
    code: ConfigErrorCode,
    file: string,
    message: string,
    options: SideboardErrorOptions & { readonly violations?: readonly ConfigViolation[] } = {},
  ) {
    super(code, configErrors[code].kind, message, options);
    this.file = file;
    this.violations = options.violations ?? [];
  }
}

/** The error for what was found wrong in `file`; its code is that of the violations, or `CONFIG_INVALID` if they differ. */
export function configErrorFromViolations(file: string, found: readonly ConfigViolation[]): ConfigError {
  const violations = [...found].sort((a, b) => a.line - b.line);
  const [first, ...others] = violations;
  const code =
    first !== undefined && others.every((other) => other.code === first.code) ? first.code : 'CONFIG_INVALID';
  if (first !== undefined && others.length === 0) {
    const hint = first.hint === undefined ? {} : { hint: first.hint };
    return new ConfigError(code, file, formatProblem(file, first), { ...hint, violations });
  }
  const lines = violations.map((each) => formatProblem(file, each) + (each.hint === undefined ? '' : ` ${each.hint}`));
  return new ConfigError(code, file, lines.join('\n'), { violations });
}

function formatProblem(file: string, { line, key, problem }: ConfigViolation): string {
  return key === '' ? `${file}:${line}: ${problem}` : `${file}:${line}: ${key}: ${problem}`;
}
