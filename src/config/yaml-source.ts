import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { ConfigError, type ConfigViolation, configErrorFromViolations } from './config-error.ts';
import { columnAt, type EnvReference, type ExpandedText, expandEnv, lineAt, sourceOffset } from './env-expansion.ts';
import { pythonYamlTags } from './python-yaml.ts';
import {
  isMergeKey,
  type SyntaxObjection,
  syntaxObjections,
  syntaxViolation,
  unresolvableProblem,
} from './yaml-syntax.ts';

/** Where a key path leads to in the file. */
export interface YamlLocation {
  /** 1-based line of the key, or of the nearest parent that is there. */
  readonly line: number;
  /** 1-based column of the same. */
  readonly column: number;
  /** The dotted path as it may be shown: a key that came out of a variable shows as the variable. */
  readonly key: string;
  /** Whether the path leads to something that is in the file. */
  readonly found: boolean;
  /** The variables that the value, or a part of it, came from. */
  readonly variables: readonly string[];
}

interface Entry {
  readonly key: Node | undefined;
  readonly value: Node | undefined;
}

/** How deep merge keys may refer to one another before the search for a key gives up. */
const MAX_MERGE_DEPTH = 16;

/** A configuration file after expansion and parsing, with the way back from a key path to its line. */
export class YamlSource {
  /** The file's name as errors show it. */
  readonly file: string;
  /** The document as plain data. */
  readonly data: unknown;
  readonly #source: string;
  readonly #expanded: ExpandedText;
  readonly #document: Document;

  private constructor(file: string, source: string, expanded: ExpandedText, document: Document, data: unknown) {
    this.file = file;
    this.data = data;
    this.#source = source;
    this.#expanded = expanded;
    this.#document = document;
  }

  /**
   * Expands and parses `source`. `file` is only what errors call it.
   * @throws ConfigError `CONFIG_SYNTAX`, with all that the parser objects to.
   */
  static parse(file: string, source: string, env: NodeJS.ProcessEnv): YamlSource {
    const expanded = expandEnv(source, env);
    let document: Document;
    let data: unknown;
    let objections: SyntaxObjection[];
    try {
      document = parseDocument(expanded.text, {
        version: '1.1',
        customTags: pythonYamlTags,
        logLevel: 'error',
        prettyErrors: false,
      });
      objections = syntaxObjections(document);
      data = objections.length === 0 ? document.toJS() : undefined;
    } catch (cause) {
      // No `cause` goes along: the parser's messages may quote the file.
      throw new ConfigError('CONFIG_SYNTAX', file, `${file}: ${unresolvableProblem(cause)}`);
    }
    if (objections.length > 0) {
      const violations = objections.map((each) => syntaxViolation(each, source, expanded));
      throw configErrorFromViolations(file, violations);
    }
    return new YamlSource(file, source, expanded, document, data);
  }

  /** Where `path` stands. A path that is not in the file leads to its nearest parent. */
  locate(path: readonly string[]): YamlLocation {
    const { entry, offset, shown } = this.#find(path);
    const references = entry === undefined ? [] : this.#referencesIn(entry.value);
    return {
      line: lineAt(this.#source, offset),
      column: columnAt(this.#source, offset),
      key: shown.join('.'),
      found: entry !== undefined,
      variables: [...new Set(references.map(({ name }) => name))],
    };
  }

  /** A violation for every `${VAR}` under `path` that could not be replaced. A bare `$VAR` is left alone, as Feast does. */
  unresolvedVariables(path: readonly string[]): ConfigViolation[] {
    const { entry } = this.#find(path);
    if (entry === undefined) return [];
    const found: ConfigViolation[] = [];
    const visited = new Set<Node>();
    const walk = (node: Node | undefined, at: readonly string[]): void => {
      if (node === undefined || visited.has(node)) return;
      visited.add(node);
      if (isAlias(node)) {
        walk(node.resolve(this.#document), at);
      } else if (isMap(node)) {
        for (const pair of node.items) {
          const key = isNode(pair.key) ? pair.key : undefined;
          const name = this.#keyText(key);
          walk(key, at);
          walk(isNode(pair.value) ? pair.value : undefined, name === '<<' ? at : [...at, name]);
        }
      } else if (isSeq(node)) {
        for (const [index, item] of node.items.entries()) walk(isNode(item) ? item : undefined, [...at, `${index}`]);
      } else {
        for (const reference of this.#referencesIn(node)) {
          if (needsVariable(reference)) found.push(this.#missingVariable(reference, at));
        }
      }
    };
    walk(entry.value, path);
    return found;
  }

  #find(path: readonly string[]): { entry: Entry | undefined; offset: number; shown: readonly string[] } {
    let entry: Entry | undefined = { key: undefined, value: this.#document.contents ?? undefined };
    let offset = 0;
    const shown: string[] = [];
    for (const [depth, segment] of path.entries()) {
      entry = entry === undefined ? undefined : this.#child(entry.value, segment, 0);
      if (entry === undefined) return { entry: undefined, offset, shown: [...shown, ...path.slice(depth)] };
      const place = entry.key ?? entry.value;
      offset = place === undefined ? offset : this.#offsetOf(place);
      const [variable] = this.#referencesIn(entry.key);
      shown.push(variable === undefined ? segment : `\${${variable.name}}`);
    }
    return { entry, offset, shown };
  }

  #child(parent: Node | undefined, segment: string, depth: number): Entry | undefined {
    const node = isAlias(parent) ? parent.resolve(this.#document) : parent;
    if (isSeq(node)) {
      const item = node.items[Number(segment)];
      return isNode(item) ? { key: undefined, value: item } : undefined;
    }
    return isMap(node) ? this.#childOfMap(node, segment, depth) : undefined;
  }

  #childOfMap(map: YAMLMap, segment: string, depth: number): Entry | undefined {
    const own = map.items.find((pair) => isNode(pair.key) && this.#keyText(pair.key) === segment);
    if (own !== undefined) return entryFromPair(own);
    if (depth >= MAX_MERGE_DEPTH) return undefined;
    for (const pair of map.items) {
      if (!isNode(pair.key) || this.#keyText(pair.key) !== '<<' || !isNode(pair.value)) continue;
      const merged = isAlias(pair.value) ? pair.value.resolve(this.#document) : pair.value;
      for (const source of isSeq(merged) ? merged.items : [merged]) {
        const found = isNode(source) ? this.#child(source, segment, depth + 1) : undefined;
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  /** A key as it becomes the key of a JavaScript object; the merge key is a symbol in the `yaml` package. */
  #keyText(key: Node | undefined): string {
    const named = isAlias(key) ? key.resolve(this.#document) : key;
    if (!isScalar(named) || named.value === null) return '';
    return isMergeKey(named.value) ? '<<' : String(named.value);
  }

  #offsetOf(node: Node): number {
    return sourceOffset(this.#expanded, node.range?.[0] ?? 0);
  }

  #referencesIn(node: Node | undefined): readonly EnvReference[] {
    const target = isAlias(node) ? node.resolve(this.#document) : node;
    const range = target?.range;
    return range == null ? [] : this.#expanded.references.filter((reference) => touches(reference, range[0], range[1]));
  }

  #missingVariable({ name, outcome, sourceStart }: EnvReference, at: readonly string[]): ConfigViolation {
    const place = {
      code: 'CONFIG_ENV_MISSING',
      line: lineAt(this.#source, sourceStart),
      column: columnAt(this.#source, sourceStart),
      key: this.locate(at).key,
    } as const;
    if (outcome === 'ambiguous') {
      return {
        ...place,
        problem: `the environment variable ${name} is not set, and its default starts like a shell's operator.`,
        hint: `Write \${${name}:default} without the sign, or put the default in quotes to keep the sign.`,
      };
    }
    return {
      ...place,
      problem: `the environment variable ${name} is not set.`,
      hint: `Set it, or give it a default: \${${name}:default}.`,
    };
  }
}

function entryFromPair({ key, value }: Pair): Entry {
  return { key: isNode(key) ? key : undefined, value: isNode(value) ? value : undefined };
}

function touches({ start, end }: EnvReference, from: number, to: number): boolean {
  return start === end ? from <= start && start <= to : start < to && end > from;
}

function needsVariable({ braced, outcome, name }: EnvReference): boolean {
  return braced && name !== '' && (outcome === 'unset' || outcome === 'ambiguous');
}
