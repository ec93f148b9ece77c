import { dummyEntity } from '../registry/dummy-entity.ts';
import type { JoinKeySpec, RegistrySnapshot } from '../registry/registry-snapshot.ts';
import type { DerivedColumn } from './derived-columns.ts';
import type { SelectedFeature } from './selection.ts';
import { listNames, ServingError } from './serving-error.ts';
import type { ServingPolicy } from './serving-policy.ts';

/** Which request columns fill a view's join keys. */
export interface EntityColumns {
  readonly joinKeys: readonly JoinKeySpec[];
  /** Request column per join key, numbers from that of columns on being derived ones; empty for a view without entities. */
  readonly columns: readonly number[];
}

export interface ColumnMatcher {
  /** @throws ServingError `MISSING_JOIN_KEY` */
  match(item: SelectedFeature): EntityColumns;
  /** @throws ServingError `UNKNOWN_ENTITY_COLUMN` for a column that no view used */
  rejectUnused(): void;
  /** Join keys that the request leaves to Sideboard. */
  derived(): readonly DerivedColumn[];
  /** Columns that the answer shows, in the order sent. */
  echoed(): number[];
}

/**
 * Matches the columns of a request to join keys. A join key is sent under the name that the service's `join_key_map` gives it,
 * else under its own name, else under its entity's name. One that is not sent may be made from columns that are.
 */
export function createColumnMatcher(
  columns: readonly string[],
  registry: RegistrySnapshot,
  policy: ServingPolicy,
): ColumnMatcher {
  const used = new Set<number>();
  const needed = new Set<string>();
  const derived: DerivedColumn[] = [];
  let everyViewEntityLess = true;

  const indexOf = (joinKey: JoinKeySpec, mapped: string | undefined): number => {
    if (mapped !== undefined) return columns.indexOf(mapped);
    const byKey = columns.indexOf(joinKey.name);
    return byKey >= 0 ? byKey : columns.indexOf(joinKey.entity);
  };

  /** Index of a join key that the sent columns can be made into; -1 where they cannot. */
  const derivedIndexOf = (name: string): number => {
    const declaration = policy.entityKeys.get(name);
    if (declaration === undefined) return -1;
    const known = derived.findIndex((column) => column.declaration === declaration);
    if (known >= 0) return columns.length + known;
    const from = declaration.fromColumns.map((column) => columns.indexOf(column));
    if (from.includes(-1)) return -1;
    for (const index of from) used.add(index);
    return columns.length + derived.push({ declaration, columns: from }) - 1;
  };

  return {
    match(item) {
      const { joinKeys } = item.view;
      if (joinKeys.every((joinKey) => joinKey.name === dummyEntity.joinKey)) {
        const dummy = columns.indexOf(dummyEntity.joinKey);
        if (dummy >= 0) used.add(dummy);
        return { joinKeys, columns: [] };
      }
      everyViewEntityLess = false;
      const found: number[] = [];
      const present: JoinKeySpec[] = [];
      const missing: string[] = [];
      for (const joinKey of joinKeys) {
        const mapped = item.joinKeyMap.get(joinKey.name);
        const name = mapped ?? joinKey.name;
        needed.add(name);
        const sent = indexOf(joinKey, mapped);
        const index = sent < 0 ? derivedIndexOf(name) : sent;
        if (index < 0) {
          missing.push(name);
          continue;
        }
        found.push(index);
        present.push(joinKey);
        used.add(index);
      }
      // Feast's Python server reads the shorter key that is left when part of a composite key is missing.
      const partialAllowed = policy.requests === 'feast-python' && present.length > 0;
      if (missing.length > 0 && !partialAllowed) {
        throw new ServingError(
          'MISSING_JOIN_KEY',
          `Feature view "${item.viewLabel}" needs the join key ${listNames(missing)}, which the request does not send.`,
          { hint: `${howToDerive(missing, columns, policy)}Columns sent: ${listNames(columns)}.` },
        );
      }
      return { joinKeys: present, columns: found };
    },

    derived: () => derived,

    rejectUnused() {
      for (const [index, name] of columns.entries()) {
        if (used.has(index) || (everyViewEntityLess && saysRowCount(name, registry))) continue;
        throw new ServingError('UNKNOWN_ENTITY_COLUMN', `None of the requested features uses the column "${name}".`, {
          hint: `Join keys needed: ${listNames(needed)}. Data for on-demand features goes into request_context.`,
        });
      }
    },

    echoed() {
      return [...columns.keys()].filter((index) => columns[index] !== dummyEntity.joinKey);
    },
  };
}

/** For join keys that could be made from columns, which of these are missing. */
function howToDerive(missing: readonly string[], columns: readonly string[], { entityKeys }: ServingPolicy): string {
  const ways = missing.flatMap((name) => {
    const from = entityKeys.get(name)?.fromColumns;
    if (from === undefined) return [];
    const absent = from.filter((column) => !columns.includes(column));
    return [`"${name}" can be made from ${listNames(from)}, of which ${listNames(absent)} is not sent. `];
  });
  return ways.join('');
}

/** With nothing but entity-less views, a join key that the project knows may say for how many rows to answer. */
function saysRowCount(name: string, registry: RegistrySnapshot): boolean {
  for (const entity of registry.entities.values()) if (entity.joinKey === name || entity.name === name) return true;
  return false;
}
