import type { CallFrame, SelfTime } from './cpu-profile.ts';

export interface GroupShare {
  readonly group: string;
  readonly share: number;
}

export interface FunctionShare extends GroupShare {
  readonly name: string;
}

export interface GroupedProfile {
  /** Shares of the whole time, largest first. */
  readonly groups: readonly GroupShare[];
  readonly functions: readonly FunctionShare[];
}

/** What V8 calls time outside of functions. */
const outside: ReadonlyMap<string, string> = new Map([
  ['(garbage collector)', 'gc'],
  ['(idle)', 'idle'],
  ['(program)', 'native and kernel'],
]);

/** The part of a request's way that a file belongs to; the first match counts. */
const groupsByFile: readonly (readonly [RegExp, string])[] = [
  [/\/src\/serving\/request/, 'parse'],
  [/\/src\/serving\/entity-|\/src\/serving\/older-keys|\/src\/encoding\/(entity-key|murmur3)/, 'keys'],
  [/\/src\/serving\/(judge|stored-value)/, 'judge'],
  [/\/src\/serving\/(answer|response-)/, 'answer'],
  [/\/src\/serving\/(plan|selection|feature-reference)/, 'plan'],
  [/\/src\/serving\//, 'serving'],
  [/\/src\/stores\/|\/node_modules\/(ioredis|@ioredis|redis-parser|denque|better-sqlite3)/, 'store read'],
  [/\/src\/transports\/|\/node_modules\/@grpc\/|^node:(internal\/)?http2/, 'transport'],
  [/\/src\/(operations|cli)\//, 'operations'],
];

const UNATTRIBUTED = 'node';
const SHOWN_FUNCTIONS = 15;

/** Adds self times up by part of the way and by function. */
export function groupSelfTimes(times: readonly SelfTime[]): GroupedProfile {
  const groups = new Map<string, number>();
  const functions = new Map<string, { group: string; micros: number }>();
  let total = 0;
  for (const { stack, micros } of times) {
    const leaf = stack[0];
    if (leaf === undefined) continue;
    const group = groupOf(stack);
    const name = nameOf(leaf);
    total += micros;
    groups.set(group, (groups.get(group) ?? 0) + micros);
    const known = functions.get(name);
    if (known === undefined) functions.set(name, { group, micros });
    else known.micros += micros;
  }
  const share = (micros: number) => (total === 0 ? 0 : micros / total);
  return {
    groups: [...groups].map(([group, micros]) => ({ group, share: share(micros) })).sort((a, b) => b.share - a.share),
    functions: [...functions]
      .map(([name, { group, micros }]) => ({ name, group, share: share(micros) }))
      .filter(({ group, name }) => !outside.has(name) || group === 'gc')
      .sort((a, b) => b.share - a.share)
      .slice(0, SHOWN_FUNCTIONS),
  };
}

/** Helpers that many parts share, and Node's own code, count for whoever called them. */
function groupOf(stack: readonly CallFrame[]): string {
  const special = outside.get(stack[0]?.functionName ?? '');
  if (special !== undefined) return special;
  for (const { url } of stack) {
    const match = groupsByFile.find(([pattern]) => pattern.test(url));
    if (match !== undefined) return match[1];
  }
  return UNATTRIBUTED;
}

/** Function and file, from the folder on that says which part of the program it is. */
function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  const file = /(?:\/(src\/.*|node_modules\/.*)|(node:.*))$/.exec(url);
  const where = file?.[1] ?? file?.[2];
  return where === undefined ? functionName : `${functionName || '(anonymous)'} ${where}:${lineNumber + 1}`;
}
