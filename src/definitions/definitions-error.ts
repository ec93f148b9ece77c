import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../errors.ts';

/** Everything that can be wrong with a project's definitions. */
export const definitionsErrors = {
  DEFINITIONS_NOT_FOUND: { kind: 'not_found', summary: 'There are no definitions at the configured place.' },
  DEFINITIONS_UNREADABLE: {
    kind: 'failed_precondition',
    summary: 'Definitions are there but cannot be read: no permission, too large, not UTF-8, or at two places at once.',
  },
  DEFINITIONS_SYNTAX: {
    kind: 'invalid_argument',
    summary: 'A file of definitions is not valid YAML, or writes one key twice.',
  },
  DEFINITIONS_ENV_MISSING: {
    kind: 'failed_precondition',
    summary: 'Definitions refer to an environment variable that is not set and has no default.',
  },
  DEFINITIONS_INVALID: {
    kind: 'invalid_argument',
    summary: 'A key of a definition is missing, unknown, or has a value that is not allowed.',
  },
  DEFINITIONS_DUPLICATE: { kind: 'invalid_argument', summary: 'Two definitions of one kind have the same name.' },
  DEFINITIONS_UNKNOWN_REFERENCE: {
    kind: 'invalid_argument',
    summary: 'A definition names an entity, source, view, feature, join key or version that is not defined.',
  },
} as const satisfies ErrorCatalogue;

export type DefinitionsErrorCode = keyof typeof definitionsErrors;

/** One thing that is wrong at one place of the definitions. */
export interface DefinitionsViolation {
  readonly code: DefinitionsErrorCode;
  /** The file, as errors show it. */
  readonly file: string;
  /** 1-based, of the file as it was written, before `${VAR}` expansion. */
  readonly line: number;
  readonly column: number;
  /** Dotted key from the top of the file, items of lists by their number from 0; empty where the whole file is meant. */
  readonly key: string;
  /** What is wrong, as a sentence. */
  readonly problem: string;
  /** What to do about it, as a sentence. */
  readonly hint?: string;
}

/**
 * The definitions cannot be used. `violations` holds all that was found wrong in one pass, by file and line; it is empty where
 * files could not be read at all. One violation becomes message and hint; of several, each is a line of the message.
 */
export class DefinitionsError extends SideboardError {
  declare readonly code: DefinitionsErrorCode;
  readonly violations: readonly DefinitionsViolation[];

  constructor(
    code: DefinitionsErrorCode,
    message: string,
    options: SideboardErrorOptions & { readonly violations?: readonly DefinitionsViolation[] } = {},
  ) {
    super(code, definitionsErrors[code].kind, message, options);
    this.violations = options.violations ?? [];
  }
}

/** The error for all that was found; its code is that of the violations, or `DEFINITIONS_INVALID` if they differ. */
export function definitionsErrorFromViolations(found: readonly DefinitionsViolation[]): DefinitionsError {
  const violations = [...found].sort(byPlace);
  const [first, ...others] = violations;
  const same = first !== undefined && others.every(({ code }) => code === first.code);
  const code = same ? first.code : 'DEFINITIONS_INVALID';
  if (first !== undefined && others.length === 0) {
    const hint = first.hint === undefined ? {} : { hint: first.hint };
    return new DefinitionsError(code, formatViolation(first), { ...hint, violations });
  }
  const lines = violations.map((each) => formatViolation(each) + (each.hint === undefined ? '' : ` ${each.hint}`));
  return new DefinitionsError(code, lines.join('\n'), { violations });
}

function byPlace(a: DefinitionsViolation, b: DefinitionsViolation): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column;
}

function formatViolation({ file, line, column, key, problem }: DefinitionsViolation): string {
  const place = `${file}:${line}:${column}`;
  return key === '' ? `${place}: ${problem}` : `${place}: ${key}: ${problem}`;
}
