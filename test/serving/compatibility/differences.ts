import { isDeepStrictEqual } from 'node:util';
import type { Answer, AnswerColumn, Refusal } from '../../support/online-features-client.ts';

/** What came of a call: an answer, or the error. */
export type Outcome = Answer | Refusal;

/**
 * Where an outcome differs from what Feast recorded, in the words of docs/reference/compatibility.md: `STATUS → STATUS`,
 * `value`, `event timestamp`, `version metadata`, `columns`, `error → answer`, `answer → CODE`. Columns are compared by name.
 * Two errors are not a difference: Feast's carry no code to compare.
 */
export function differencesFrom(recorded: Answer | undefined, outcome: Outcome): ReadonlySet<string> {
  if ('code' in outcome) return new Set(recorded === undefined ? [] : [`answer → ${outcome.code}`]);
  if (recorded === undefined) return new Set(['error → answer']);
  const found = new Set<string>();
  if (!isDeepStrictEqual(recorded.versions, outcome.versions)) found.add('version metadata');
  const ours = new Map(outcome.columns.map((column) => [column.name, column]));
  for (const theirs of recorded.columns) {
    const column = ours.get(theirs.name);
    ours.delete(theirs.name);
    if (column === undefined) found.add('columns');
    else compareColumns(theirs, column, found);
  }
  if (ours.size > 0) found.add('columns');
  return found;
}

function compareColumns(theirs: AnswerColumn, ours: AnswerColumn, found: Set<string>): void {
  if (theirs.values.length !== ours.values.length) found.add('rows');
  for (let row = 0; row < theirs.values.length; row++) {
    if (theirs.statuses[row] !== ours.statuses[row]) found.add(`${theirs.statuses[row]} → ${ours.statuses[row]}`);
    if (!isDeepStrictEqual(theirs.values[row], ours.values[row])) found.add('value');
    if (theirs.times[row] !== ours.times[row]) found.add('event timestamp');
  }
}
