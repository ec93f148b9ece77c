import type { z } from 'zod';
import type { ConfigViolation } from './config-error.ts';
import { describeSchema, dropsUnknownKeys, schemaAt, shapeOf, unwrapSchema } from './describe-schema.ts';
import { isSecretKey, looksSecret } from './secret-keys.ts';
import type { YamlSource } from './yaml-source.ts';

/** A validated value, or everything that is wrong with it. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly violations: ConfigViolation[] };

/** Validates `value`, which stands at `path` of the file; a mapping's unknown keys are violations unless its schema is loose. */
export function checkValue<T>(
  source: YamlSource,
  path: readonly string[],
  value: unknown,
  schema: z.ZodType<T>,
): Checked<T> {
  const result = schema.safeParse(value);
  const unknown = dropsUnknownKeys(schema) ? unknownKeys(value, schema) : [];
  if (result.success && unknown.length === 0) return { ok: true, value: result.data };
  const violations = unknown.map((key) => unknownKeyViolation(source, path, key, schema));
  for (const issue of result.error?.issues ?? [])
    violations.push(...violationsFromIssue(source, path, value, schema, issue));
  return { ok: false, violations };
}

function unknownKeys(value: unknown, schema: z.ZodType): string[] {
  const shape = shapeOf(schema) ?? {};
  return isMapping(value) ? Object.keys(value).filter((key) => !Object.hasOwn(shape, key)) : [];
}

function violationsFromIssue(
  source: YamlSource,
  base: readonly string[],
  root: unknown,
  schema: z.ZodType,
  issue: z.core.$ZodIssue,
): ConfigViolation[] {
  const below = issue.path.map(String);
  const path = [...base, ...below];
  const at = schemaAt(schema, below);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKeyViolation(source, path, key, at ?? schema));
  }
  const { line, key, variables } = source.locate(path);
  const place = { code: 'CONFIG_INVALID', line, key } as const;
  const allowed = at === undefined ? 'another value' : describeSchema(at, path.at(-1));
  // A refinement with a message of its own says more than the type does.
  if (issue.code === 'custom' && issue.message !== 'Invalid input') {
    return [{ ...place, problem: asSentence(issue.message) }];
  }
  const value = valueAt(root, below);
  if (value === undefined) return [{ ...place, problem: `missing: expected ${allowed}.` }];
  const shown = describeValue(value, path, variables);
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
  const { line, key } = own.found ? own : source.locate(parent);
  const known = Object.keys(shapeOf(schema) ?? {});
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? `Known here: ${known.join(', ')}.` : `Did you mean ${nearest}?`;
  return { code: 'CONFIG_INVALID', line, key, problem: 'unknown setting.', ...(known.length > 0 ? { hint } : {}) };
}

/** A value as an error may show it: never one that may be a secret, nor one that came from a variable. */
function describeValue(value: unknown, path: readonly string[], variables: readonly string[]): string {
  const kind = describeKind(value);
  if (variables.length > 0) return `${kind} from ${variables.map((name) => `\${${name}}`).join(' and ')}`;
  const shown = literalOf(value);
  if (shown === undefined) return kind;
  return path.some(isSecretKey) || looksSecret(shown) ? `${kind} that is not shown` : shown;
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

/** The known name that a mistyped one most likely means: at most a third of its letters differ. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate, least);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Letters to insert, remove or replace, and neighbours to swap; gives up at `limit`. */
function editDistance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) >= limit) return limit;
  const rows = [Array.from({ length: to.length + 1 }, (_, index) => index)];
  const distance = (row: number, column: number): number => rows[row]?.[column] ?? limit;
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = distance(row - 1, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const shifted = Math.min(distance(row - 1, column), distance(row, column - 1)) + 1;
      const swaps = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const swapped = swaps ? distance(row - 2, column - 2) + 1 : limit;
      current.push(Math.min(replaced, shifted, swapped));
    }
  }
  return distance(from.length, to.length);
}
