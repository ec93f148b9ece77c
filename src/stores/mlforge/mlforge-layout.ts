import { hash } from 'node:crypto';
import type { EntityKey } from '../../../gen/feast/types/EntityKey_pb.ts';
import type { Value } from '../../../gen/feast/types/Value_pb.ts';
import { compareCodePoints, deserializeEntityKey } from '../../encoding/entity-key.ts';
import { asciiJsonString } from '../../encoding/python-text.ts';
import { dummyEntity } from '../../registry/dummy-entity.ts';
import { StoreError } from '../store-error.ts';

/**
 * How mlforge 0.7 names the rows of an entity.
 *
 *     entity hash   first 16 hexadecimal digits of SHA-256 over [["<key>", "<value>"], ...] as `json.dumps` writes it, the pairs
 *                   in the code point order of their keys, every value as Python's `str` shows it
 *     Redis         {prefix}:{feature_name}:{entity hash}                     ->  the row, one JSON object
 *     DynamoDB      entity_key = entity hash, feature_name = {feature_name}   ->  feature_values, the same text
 *
 * A feature view is what mlforge calls a feature. A view without entities has the hash of no pairs.
 * Learnt from the recorded vectors in test/golden/mlforge; see docs/reference/stores/mlforge-redis.md.
 */

const HASH_DIGITS = 16;

/** What {@link entityHash} gives. */
export const ENTITY_HASH = /^[0-9a-f]{16}$/;

/** @param pairs names and values of the join keys, in any order */
export function entityHash(pairs: readonly (readonly [name: string, value: string])[]): string {
  const sorted = [...pairs].sort(([a], [b]) => compareCodePoints(a, b));
  const texts = sorted.map(([name, value]) => `[${asciiJsonString(name)}, ${asciiJsonString(value)}]`);
  return hash('sha256', `[${texts.join(', ')}]`, 'hex').slice(0, HASH_DIGITS);
}

/**
 * The hash of a serialized entity key of version 3.
 * @throws StoreError `STORE_INVALID_ROW` for a value that mlforge has no text for
 */
export function entityHashOfKey(key: Uint8Array): string {
  return entityHash(entityPairs(deserializeEntityKey(key)));
}

/**
 * Hashes of the keys of one call's reads. Views with the same join keys come with the same list of keys: each is hashed once.
 * @returns what gives the hashes of a list, and throws as {@link entityHashOfKey}
 */
export function createKeyHasher(): (keys: readonly Uint8Array[]) => readonly string[] {
  const known = new Map<readonly Uint8Array[], readonly string[]>();
  return (keys) => {
    const hashes = known.get(keys) ?? keys.map(entityHashOfKey);
    known.set(keys, hashes);
    return hashes;
  };
}

function entityPairs({ joinKeys, entityValues }: EntityKey): (readonly [string, string])[] {
  if (joinKeys.length === 1 && joinKeys[0] === dummyEntity.joinKey) return [];
  return joinKeys.map((name, index) => [name, keyText(name, entityValues[index])]);
}

/** As Python's `str` shows the value that mlforge's data frame has in its place. */
function keyText(name: string, value: Value | undefined): string {
  switch (value?.val.case) {
    case 'stringVal':
      return value.val.value;
    case 'int32Val':
    case 'int64Val':
      return String(value.val.value);
    default:
      throw new StoreError('STORE_INVALID_ROW', `The join key "${name}" has no text as mlforge writes it.`, {
        hint: 'mlforge hashes the text of an entity: declare the join key as STRING, or as INT64.',
      });
  }
}
