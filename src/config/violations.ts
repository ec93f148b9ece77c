import type { z } from 'zod';
import type { ConfigViolation } from './config-error.ts';
import { describeSchema, dropsUnknownKeys, schemaAt, schemaFor, shapeOf, unwrapSchema } from './describe-schema.ts';
import { nearestName } from './nearest-name.ts';
import { isSecretKey, looksSecret } from './secret-keys.ts';
import type { YamlSource } from './yaml-source.ts';

/** A validated value, or everything that is wrong with it. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly violations: ConfigViolation[] };

export interface CheckOptions {
  /** Whether the value under a key of this name is kept out of errors. Default: {@link isSecretKey}. */
  readonly isSecret?: (key: string) => boolean;
}

/** What is being validated: a value, where it stands, and what it should be. */
interface Subject {
  readonly source: YamlSource;
  readonly path: readonly string[];
  readonly value: unknown;
  readonly schema: z.ZodType;
  readonly isSecret: (key: string) => boolean;
}

/** Validates `value`, which stands at `path` of the file; a mapping's unknown keys are violations unless its schema is loose. */
export function checkValue<T>(
  source: YamlSource,
  path: readonly string[],
  value: unknown,
  schema: z.ZodType<T>,
  { isSecret = isSecretKey }: CheckOptions = {},
): Checked<T> {
  const result = schema.safeParse(value);
  const unknown = dropsUnknownKeys(schema) ? unknownKeys(value, schema) : [];
  if (result.success && unknown.length === 0) return { ok: true, value: result.data };
  const subject = { source, path, value, schema, isSecret };
  const violations = unknown.map((key) => unknownKeyViolation(source, path, key, schema));
  for (const issue of result.error?.issues ?? []) violations.push(...violationsFromIssue(subject, issue));
  return { ok: false, violations };
}

function unknownKeys(value: unknown, schema: z.ZodType): string[] {
  const shape = shapeOf(schema) ?? {};
  return isMapping(value) ? Object.keys(value).filter((key) => !Object.hasOwn(shape, key)) : [];
}

function violationsFromIssue(subject: Subject, issue: z.core.$ZodIssue): ConfigViolation[] {
  const { source, value: root, schema } = subject;
  const below = issue.path.map(String);
  const path = [...subject.path, ...below];
  const value = valueAt(root, below);
  const at = schemaAt(schema, below, root);
  if (issue.code === 'unrecognized_keys') {
    const mapping = at === undefined ? schema : schemaFor(at, value);
    return issue.keys.map((key) => unknownKeyViolation(source, path, key, mapping));
  }
  if (issue.code === 'invalid_union') {
    // Among several forms, the one that the value has is the one that was meant.
    const meant = issue.errors.find((inner) =>
      inner.every(({ code, path: at }) => at.length > 0 || code !== 'invalid_type'),
    );
    if (meant !== undefined) {
      return meant.flatMap((each) => violationsFromIssue(subject, { ...each, path: [...issue.path, ...each.path] }));
    }
  }
  const { line, column, key, variables } = source.locate(path);
  const place = { code: 'CONFIG_INVALID', line, column, key } as const;
  const allowed = at === undefined ? 'another value' : describeSchema(at, path.at(-1));
  // A refinement with a message of its own says more than the type does.
  if (issue.code === 'custom' && issue.message !== 'Invalid input') {
    const hint: unknown = issue.params?.hint;
    return [{ ...place, problem: asSentence(issue.message), ...(typeof hint === 'string' ? { hint } : {}) }];
  }
  if (value === undefined) return [{ ...place, problem: `missing: expected ${allowed}.` }];
  const shown = describeValue(value, path, variables, subject.isSecret);
  const advice = quotesAdvice(value, at);
  return [
    { ...place, problem: `expected ${allowed}, got ${shown}.`, ...(advice === undefined ? {} : { hint: advice }) },
  ];
}

function unknownKeyViolation(
  source: YamlSource,
  parent: readonly string[],
  name: string,
  schema: z.core.$ZodType,
): ConfigViolation {
  // A key that cannot be found again may have come out of a variable: it is not named.
  const own = source.locate([...parent, name]);
  const { line, column, key } = own.found ? own : source.locate(parent);
  const known = Object.keys(shapeOf(schema) ?? {});
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? `Known here: ${known.join(', ')}.` : `Did you mean ${nearest}?`;
  return {
    code: 'CONFIG_INVALID',
    line,
    column,
    key,
    problem: 'unknown setting.',
    ...(known.length > 0 ? { hint } : {}),
  };
}

/** A value as an error may show it: never one that may be a secret, nor one that came from a variable. */
function describeValue(
  value: unknown,
  path: readonly string[],
  variables: readonly string[],
  isSecret: (key: string) => boolean,
): string {
  const kind = describeKind(value);
  if (variables.length > 0) return `${kind} from ${variables.map((name) => `\${${name}}`).join(' and ')}`;
  const shown = literalOf(value);
  if (shown === undefined) return kind;
  return path.some(isSecret) || looksSecret(shown) ? `${kind} that is not shown` : shown;
}

function literalOf(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return undefined;
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}

function describeKind(value: unknown): string {
  if (value === null) return 'nothing (null)';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return 'a number';
  if (typeof value === 'boolean') return 'true or false';
  if (Array.isArray(value)) return 'a list';
  return value instanceof Date ? 'a date' : isMapping(value) ? 'a mapping' : 'something else';
}

/** YAML reads `5`, `yes` and `2026-01-01` as something else than text, and `"5"` as text. */
function quotesAdvice(value: unknown, schema: z.core.$ZodType | undefined): string | undefined {
  if (schema === undefined) return undefined;
  const { schema: plain, lax } = unwrapSchema(schema);
  const { def } = plain._zod;
  const type = def.type === 'literal' ? typeof def.values[0] : def.type;
  if (type === 'string') {
    const quotable = typeof value === 'number' || typeof value === 'boolean' || value instanceof Date;
    return quotable ? 'Put it in quotes to make it text.' : undefined;
  }
  // A text that could be read has been: what is wrong with it is not the quotes.
  if (lax) return undefined;
  const bare = (type === 'number' && /^-?\d+$/) || (type === 'boolean' && /^(?:true|false)$/i);
  return bare && typeof value === 'string' && bare.test(value) ? 'Write it without quotes.' : undefined;
}

function asSentence(message: string): string {
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = (value as Record<string, unknown>)[segment];
  }
  return value;
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
