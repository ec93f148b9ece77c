import { compareTimes } from '../stores/compare-times.ts';
import type { EventTimestamp, OnlineRow } from '../stores/online-store.ts';

/**
 * What is left of rows of one table when older rows of the same entity are taken out: by event time, then by created time (a row
 * without one is older than a row with one), then by their order, of which the last one wins.
 *
 * It goes feature by feature. Of rows that bring all features one per entity stays. Where the newest row brings some features only, the
 * newest row of the others stays too, reduced to them, in front of it and with its own time: so a store ends up with what it would hold
 * had it been given all rows one after the other, oldest first, whether its storage keeps one time per row or one per feature, and
 * whether a newer row replaces the older one or adds to it. Rows of equal event times become one, because a store may take an equally
 * new row for a repeated one; it has the created time of the newest.
 *
 * @param ids what tells entities apart, one per row
 * @returns the rows of an entity behind one another, oldest first; the same array where no entity has two rows
 */
export function newestRows(rows: readonly OnlineRow[], ids: readonly string[]): readonly OnlineRow[] {
  const entities = new Map<string, OnlineRow[]>();
  for (const [index, row] of rows.entries()) {
    const id = ids[index] ?? '';
    const known = entities.get(id);
    if (known === undefined) entities.set(id, [row]);
    else known.push(row);
  }
  if (entities.size === rows.length) return rows;
  return [...entities.values()].flatMap((same) => (same.length === 1 ? same : newestOfEntity(same)));
}

function newestOfEntity(rows: readonly OnlineRow[]): OnlineRow[] {
  // Sorting is stable: rows that are equally new stay in the order in which they came.
  const newestFirst = rows.toSorted(compareRows).reverse();
  const taken = new Set<string>();
  const kept: OnlineRow[] = [];
  for (const row of newestFirst) {
    const values = [...row.values].filter(([feature]) => !taken.has(feature));
    const last = kept.at(-1);
    if (last !== undefined && values.length === 0) continue;
    for (const [feature] of values) taken.add(feature);
    if (last !== undefined && compareTimes(last.eventTimestamp, row.eventTimestamp) === 0) {
      kept[kept.length - 1] = { ...last, values: new Map([...last.values, ...values]) };
    } else {
      kept.push(values.length === row.values.size ? row : { ...row, values: new Map(values) });
    }
  }
  return kept.reverse();
}

function compareRows(a: OnlineRow, b: OnlineRow): number {
  return compareTimes(a.eventTimestamp, b.eventTimestamp) || compareCreated(a.createdTimestamp, b.createdTimestamp);
}

function compareCreated(a: EventTimestamp | undefined, b: EventTimestamp | undefined): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  return compareTimes(a, b);
}
