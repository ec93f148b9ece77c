import { z } from 'zod';
import {
  type EntityKeyDeclaration,
  surrogateAlgorithmSchema,
  surrogateColumnsSchema,
} from '../config/entity-key-schema.ts';
import type { RegistrySnapshot } from '../registry/registry-snapshot.ts';

/**
 * The tag of an entity under which a registry keeps how its join key is made from columns:
 * `{"columns":["first","last"],"algorithm":"polars-1"}`.
 */
export const surrogateKeyTag = 'sideboard:surrogate_key';

export const surrogateKeySchema = z.strictObject({
  columns: surrogateColumnsSchema.describe('The columns, in the order in which they are hashed.'),
  algorithm: surrogateAlgorithmSchema.describe('What made the keys of the stored rows.'),
});

export function surrogateKeyTagValue({ columns, algorithm }: z.output<typeof surrogateKeySchema>): string {
  return JSON.stringify({ columns, algorithm });
}

/** What a tag says, or nothing where it cannot be used. */
export function surrogateKeyFromTag(tag: string): z.output<typeof surrogateKeySchema> | undefined {
  let written: unknown;
  try {
    written = JSON.parse(tag);
  } catch {
    return undefined;
  }
  const parsed = surrogateKeySchema.safeParse(written);
  return parsed.success ? parsed.data : undefined;
}

/** The join keys that are made from columns, and what could not be used of what says so. */
export interface EntityKeysInForce {
  /** By join key. */
  readonly entityKeys: ReadonlyMap<string, EntityKeyDeclaration>;
  /** Sentences for the log. */
  readonly warnings: readonly string[];
}

/**
 * What `sideboard.entity_keys` and the registry's entities say together about join keys that are made from columns.
 * `feature_store.yaml` wins. A declaration of the registry that cannot be read, or that two entities with one join key
 * contradict each other about, is left out: callers then have to send the join key itself, and no wrong row is read.
 */
export function entityKeysInForce(
  configured: Iterable<EntityKeyDeclaration>,
  registry: RegistrySnapshot,
): EntityKeysInForce {
  const warnings: string[] = [];
  const found = new Map<string, EntityKeyDeclaration>();
  const unusable = new Set<string>();
  for (const { name, joinKey, tags } of registry.entities.values()) {
    const tag = tags[surrogateKeyTag];
    if (tag === undefined) continue;
    const key = surrogateKeyFromTag(tag);
    if (key === undefined || key.columns.includes(joinKey)) {
      warnings.push(
        `The entity "${name}" has a tag ${surrogateKeyTag} that cannot be read; its join key has to be sent.`,
      );
      unusable.add(joinKey);
      continue;
    }
    const declaration = Object.freeze({ joinKey, fromColumns: Object.freeze(key.columns), algorithm: key.algorithm });
    const other = found.get(joinKey);
    if (other !== undefined && !sameKey(other, declaration)) {
      warnings.push(`Two entities with the join key "${joinKey}" make it in different ways; it has to be sent.`);
      unusable.add(joinKey);
    }
    found.set(joinKey, declaration);
  }
  for (const joinKey of unusable) found.delete(joinKey);
  for (const declaration of configured) {
    const { joinKey } = declaration;
    const registered = found.get(joinKey);
    if (registered !== undefined && !sameKey(registered, declaration)) {
      warnings.push(
        `sideboard.entity_keys.${joinKey} says another way than the registry's entity to make the join key; it is used.`,
      );
    }
    found.set(joinKey, declaration);
  }
  return { entityKeys: found, warnings };
}

function sameKey(a: EntityKeyDeclaration, b: EntityKeyDeclaration): boolean {
  return a.algorithm === b.algorithm && JSON.stringify(a.fromColumns) === JSON.stringify(b.fromColumns);
}
