import { nearestName } from '../config/nearest-name.ts';
import { type DefinitionFindings, nameOfPlace, type Place } from './definition-findings.ts';
import type { Located } from './located-definitions.ts';

/** How many names a hint lists. */
const MOST_NAMES = 12;

/** The definition of a name, or nothing, with the reference to it noted as unknown. */
export function resolveReference<T>(
  name: string,
  place: Place,
  known: ReadonlyMap<string, Located<T>>,
  what: string,
  findings: DefinitionFindings,
): Located<T> | undefined {
  const found = known.get(name);
  if (found !== undefined) return found;
  const nearest = nearestName(name, [...known.keys()]);
  const meant = nearest === undefined ? undefined : known.get(nearest);
  const hint =
    meant === undefined ? listHint([...known.keys()]) : `Did you mean ${nearest} (${nameOfPlace(meant.place)})?`;
  findings.add('DEFINITIONS_UNKNOWN_REFERENCE', place, `there is no ${what} "${name}".`, hint);
  return undefined;
}

/** Notes a name that is none of a few. */
export function addUnknownName(
  findings: DefinitionFindings,
  place: Place,
  problem: string,
  name: string,
  known: readonly string[],
): void {
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? listHint(known) : `Did you mean ${nearest}?`;
  findings.add('DEFINITIONS_UNKNOWN_REFERENCE', place, problem, hint);
}

function listHint(names: readonly string[]): string {
  if (names.length === 0) return 'None is defined.';
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return `Defined: ${names.slice(0, MOST_NAMES).join(', ')}${more}.`;
}
