import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  visit,
  type YAMLError,
} from 'yaml';
import type { ConfigViolation } from './config-error.ts';
import { columnAt, type EnvReference, type ExpandedText, lineAt, sourceOffset } from './env-expansion.ts';

/** What keeps a document from being read: one of the parser's codes, at an offset in the expanded text. */
export interface SyntaxObjection {
  readonly code: YAMLError['code'];
  readonly offset: number;
}

/**
 * What the parser objects to. After the first error it is guessing, so only that one counts, except for keys that stand
 * twice: each of them is a finding of its own.
 */
export function syntaxObjections(document: Document): SyntaxObjection[] {
  const unknownTags = document.warnings.filter(({ code }) => code === 'TAG_RESOLVE_FAILED');
  const all = [...document.errors, ...unknownTags].map(({ code, pos }) => ({ code, offset: pos[0] }));
  const first = all.find(({ code }) => code !== 'DUPLICATE_KEY');
  const duplicates = all.filter(({ code }) => code === 'DUPLICATE_KEY');
  if (first !== undefined || duplicates.length > 0) return first === undefined ? duplicates : [...duplicates, first];
  return badReferencesAndKeys(document);
}

function badReferencesAndKeys(document: Document): SyntaxObjection[] {
  const found: SyntaxObjection[] = [];
  const anchored = new Map<string, Node>();
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) {
        if (!anchored.has(node.source)) found.push({ code: 'BAD_ALIAS', offset: node.range?.[0] ?? 0 });
      } else if (node.anchor !== undefined) {
        anchored.set(node.anchor, node);
      }
    },
    Pair(_, { key, value }) {
      const named = isAlias(key) ? anchored.get(key.source) : key;
      if (isNode(key) && isCollection(named)) found.push({ code: 'NON_STRING_KEY', offset: key.range?.[0] ?? 0 });
      if (!isScalar(key) || !isMergeKey(key.value) || !isNode(value)) return;
      const target = isAlias(value) ? anchored.get(value.source) : value;
      const sources = isSeq(target) ? target.items : [target];
      const allMaps = sources.every((each) => isMap(isAlias(each) ? anchored.get(each.source) : each));
      if (target !== undefined && !allMaps) found.push({ code: 'BAD_COLLECTION_TYPE', offset: key.range?.[0] ?? 0 });
    },
  });
  return found;
}

/** The merge key's value is a symbol in the `yaml` package. */
export function isMergeKey(value: unknown): boolean {
  return typeof value === 'symbol' ? value.description === '<<' : value === '<<';
}

export function unresolvableProblem(cause: unknown): string {
  if (cause instanceof RangeError) return 'the file is nested too deeply to be read.';
  return cause instanceof ReferenceError
    ? 'the aliases (*name) of the file stand for far more text than a configuration has.'
    : 'the file is not valid YAML.';
}

/** Sentences of our own for the parser's codes: the parser's messages may quote the file. */
const SYNTAX_PROBLEMS: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  BAD_ALIAS: 'an alias (*name) has no anchor (&name) before it',
  BAD_COLLECTION_TYPE: 'a merge key (<<) or a tag is followed by a value of the wrong kind',
  BAD_DIRECTIVE: 'a line that starts with % is not a directive that is known',
  BAD_DQ_ESCAPE: 'a text in double quotes holds an escape (\\) that YAML does not know',
  BAD_INDENT: 'the indentation does not fit the lines above',
  BAD_SCALAR_START: 'a text starts with a character that needs quotes around the text',
  BLOCK_AS_IMPLICIT_KEY: 'a second "key: value" stands on one line, or a line is indented under a value',
  BLOCK_IN_FLOW: 'an indented block stands inside { } or [ ]',
  DUPLICATE_KEY: 'this key stands twice in one mapping',
  MISSING_CHAR: 'a quote, bracket, comma or colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a key runs over several lines, or a colon is missing behind it',
  MULTIPLE_DOCS: 'a second document (---) starts here',
  NON_STRING_KEY: 'a list or a mapping stands where a key belongs',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
  TAB_AS_INDENT: 'a tab is used for indentation',
  TAG_RESOLVE_FAILED: 'a tag (!name) is not known, or does not fit the value behind it',
  UNEXPECTED_TOKEN: 'something stands here that does not belong here',
};

const SYNTAX_HINTS: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  DUPLICATE_KEY: 'Keep one of them: Feast would silently take the last.',
  MULTIPLE_DOCS: 'Keep one document in the file.',
  TAB_AS_INDENT: 'Use spaces.',
};

export function syntaxViolation(objection: SyntaxObjection, source: string, expanded: ExpandedText): ConfigViolation {
  const { code } = objection;
  const offset = sourceOffset(expanded, objection.offset);
  const line = lineAt(source, offset);
  const column = columnAt(source, offset);
  const problem = `not valid YAML at column ${column}: ${SYNTAX_PROBLEMS[code] ?? 'it cannot be read'}.`;
  const variable = expanded.references.find(
    (reference) => reference.name !== '' && lineAt(source, reference.sourceStart) === line,
  );
  const hint = SYNTAX_HINTS[code] ?? (variable === undefined ? undefined : variableHint(variable));
  return { code: 'CONFIG_SYNTAX', line, column, key: '', problem, ...(hint === undefined ? {} : { hint }) };
}

function variableHint({ name, outcome }: EnvReference): string {
  return outcome === 'unset' || outcome === 'ambiguous'
    ? `The line refers to the environment variable ${name}, which is not set.`
    : `The line holds the value of the environment variable ${name}: put quotes around it if it is text.`;
}
