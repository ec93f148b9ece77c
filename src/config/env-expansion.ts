/**
 * What became of one `$VAR` or `${VAR}`:
 * - `set`: replaced by the variable's value, which may be empty;
 * - `default`: replaced by the default of `${VAR:default}`;
 * - `unset`: left in the text as it was written;
 * - `ambiguous`: left as it was written, because `${VAR:-x}` means the default `x` to a shell and `-x` to Feast's documentation.
 */
export type EnvOutcome = 'set' | 'default' | 'unset' | 'ambiguous';

export interface EnvReference {
  /** The variable's name. Empty where the braces hold none, as in `${}`. */
  readonly name: string;
  readonly braced: boolean;
  readonly outcome: EnvOutcome;
  /** Where its replacement stands in the expanded text: `start` inclusive, `end` exclusive. */
  readonly start: number;
  readonly end: number;
  /** Where it stands in the text as written. */
  readonly sourceStart: number;
  readonly sourceEnd: number;
}

export interface ExpandedText {
  readonly text: string;
  readonly references: readonly EnvReference[];
}

/** The form that Python's `os.path.expandvars` replaces; `\w` is ASCII there and here. */
const REFERENCE = /\$(?:(\w+)|\{([^}]*)\})/g;

/** `NAME`, or `NAME:default` on one line, with the default optionally in quotes. */
const BRACED = /^([A-Za-z_]\w*)(?::([^\n\r]*))?$/;

/**
 * Expands environment variables in the text of a configuration file, before it is read as YAML, so that a variable can hold a
 * number or a whole section. Replacements are not expanded again.
 *
 * `$VAR` and `${VAR}` behave as in Feast 0.67, which calls `os.path.expandvars`: an unset variable leaves the text alone.
 * `${VAR:default}` and `${VAR:"default"}` are in Feast's documentation; its Python code leaves them alone.
 */
export function expandEnv(source: string, env: NodeJS.ProcessEnv): ExpandedText {
  const references: EnvReference[] = [];
  let text = '';
  let copied = 0;
  for (const match of source.matchAll(REFERENCE)) {
    const written = match[0];
    text += source.slice(copied, match.index);
    copied = match.index + written.length;
    const { name, outcome, value } = resolveReference(match[1], match[2], env);
    const start = text.length;
    text += value ?? written;
    references.push({
      name,
      braced: match[1] === undefined,
      outcome,
      start,
      end: text.length,
      sourceStart: match.index,
      sourceEnd: copied,
    });
  }
  return { text: text + source.slice(copied), references };
}

/** The offset in the text as written that `offset` in the expanded text came from. */
export function sourceOffset({ references }: ExpandedText, offset: number): number {
  let shift = 0;
  for (const { start, end, sourceStart, sourceEnd, outcome } of references) {
    if (offset < start) break;
    if (offset < end && (outcome === 'set' || outcome === 'default')) return sourceStart;
    shift = sourceEnd - end;
  }
  return offset + shift;
}

/** The 1-based line of an offset. */
export function lineAt(source: string, offset: number): number {
  let line = 1;
  for (let at = source.indexOf('\n'); at !== -1 && at < offset; at = source.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** The 1-based column of an offset in its line. */
export function columnAt(source: string, offset: number): number {
  return offset === 0 ? 1 : offset - source.lastIndexOf('\n', offset - 1);
}

function resolveReference(
  bare: string | undefined,
  braced: string | undefined,
  env: NodeJS.ProcessEnv,
): { name: string; outcome: EnvOutcome; value?: string } {
  const content = bare ?? braced ?? '';
  const whole = variable(env, content);
  if (whole !== undefined) return { name: content, outcome: 'set', value: whole };
  if (bare !== undefined) return { name: bare, outcome: 'unset' };

  const [, name, fallback] = BRACED.exec(content) ?? [];
  if (name === undefined) return { name: /^\s*([A-Za-z_]\w*)/.exec(content)?.[1] ?? '', outcome: 'unset' };
  const value = variable(env, name);
  if (value !== undefined) return { name, outcome: 'set', value };
  if (fallback === undefined) return { name, outcome: 'unset' };
  if (/^[-=?+]/.test(fallback)) return { name, outcome: 'ambiguous' };
  return { name, outcome: 'default', value: withoutQuotes(fallback) };
}

function variable(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return Object.hasOwn(env, name) ? env[name] : undefined;
}

function withoutQuotes(text: string): string {
  return /^(["']).*\1$/.test(text) && text.length > 1 ? text.slice(1, -1) : text;
}
