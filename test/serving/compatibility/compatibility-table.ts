import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../support/project-root.ts';
import { type RecordedStore, recordedStores } from './recorded-answer.ts';

/** `store/repo/id` of a recorded call. */
export type CallName = string;

export const callName = (store: RecordedStore, repo: string, id: string): CallName => `${store}/${repo}/${id}`;

/** A table of docs/reference/compatibility.md: recorded calls to the labels of their rows. */
export type CompatibilityTable = ReadonlyMap<CallName, ReadonlySet<string>>;

/**
 * Reads the table below a heading. Its first column holds a label in backticks, with a gRPC status in parentheses where the
 * label is an error's code; its last lists recorded calls as `repo: id, id; repo: id`, of both stores unless `redis` or
 * `sqlite` stands before the repo.
 */
export function readCompatibilityTable(heading: string): CompatibilityTable {
  const text = readFileSync(join(projectRoot, 'docs', 'reference', 'compatibility.md'), 'utf8');
  const start = text.indexOf(`\n## ${heading}\n`);
  if (start < 0) throw new Error(`docs/reference/compatibility.md has no section "${heading}"`);
  const end = text.indexOf('\n## ', start + 1);
  const table = new Map<CallName, Set<string>>();
  for (const line of text.slice(start, end < 0 ? undefined : end).split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    const [, first, second] = /^`([^`]+)`(?: \(`([^`]+)`\))?/.exec(cells[1] ?? '') ?? [];
    if (first === undefined) continue;
    const label = second === undefined ? first : `${first} (${second})`;
    for (const name of callsIn(cells.at(-2) ?? '')) {
      const labels = table.get(name) ?? new Set();
      table.set(name, labels.add(label));
    }
  }
  return table;
}

function callsIn(cell: string): CallName[] {
  return cell.split(';').flatMap((part) => {
    const match = /^\s*(?:(redis|sqlite) )?([\w-]+): (.+)$/.exec(part);
    if (match === null) throw new Error(`"${part}" is not "repo: id, id" (docs/reference/compatibility.md)`);
    const [, store, repo = '', ids = ''] = match;
    const stores = recordedStores.filter((each) => store === undefined || each === store);
    return ids.split(',').flatMap((id) => stores.map((each) => callName(each, repo, id.trim())));
  });
}
