import { dummyEntity } from '../registry/dummy-entity.ts';
import type { JoinKeySpec, RegistrySnapshot } from '../registry/registry-snapshot.ts';
import type { SelectedFeature } from './selection.ts';
import { listNames, ServingError } from './serving-error.ts';
import type { ServingPolicy } from './serving-policy.ts';

/** Which request columns fill a view's join keys. */
export interface EntityColumns {
  readonly joinKeys: readonly JoinKeySpec[];
  /** Request column per join key; empty for a view without entities. */
  readonly columns: readonly number[];
}

export interface ColumnMatcher {
  /** @throws ServingError `MISSING_JOIN_KEY` */
  match(item: SelectedFeature): EntityColumns;
  /** @throws ServingError `UNKNOWN_ENTITY_COLUMN` for a column that no view used */
  rejectUnused(): void;
  /** Columns that the answer shows, in the order sent. */
  echoed(): number[];
}

/**
 * Matches the columns of a request to join keys. A join key is sent under the name that the service's `join_key_map` gives it,
 * else under its own name, else under its entity's name.
 */
export function createColumnMatcher(
  columns: readonly string[],
  registry: RegistrySnapshot,
  policy: ServingPolicy,
): ColumnMatcher {
  const used = new Set<number>();
  const needed = new Set<string>();
  let everyViewEntityLess = true;

  const indexOf = (joinKey: JoinKeySpec, mapped: string | undefined): number => {
    if (mapped !== undefined) return columns.indexOf(mapped);
    const byKey = columns.indexOf(joinKey.name);
    return byKey >= 0 ? byKey : columns.indexOf(joinKey.entity);
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
        needed.add(mapped ?? joinKey.name);
        const index = indexOf(joinKey, mapped);
        if (index < 0) {
          missing.push(mapped ?? joinKey.name);
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
          { hint: `Columns sent: ${listNames(columns)}.` },
        );
      }
      return { joinKeys: present, columns: found };
    },

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

/** With nothing but entity-less views, a join key that the project knows may say for how many rows to answer. */
function saysRowCount(name: string, registry: RegistrySnapshot): boolean {
  for (const entity of registry.entities.values()) if (entity.joinKey === name || entity.name === name) return true;
  return false;
}
