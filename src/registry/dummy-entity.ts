import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import type { EntitySpec } from './registry-snapshot.ts';

/**
 * Feast's stand-in for the entity of a view that has none: every row of such a view is stored under the one key
 * `__dummy_id = ""`. Feast writes it into each registry without a value type; its key is always a string.
 */
export const dummyEntity: EntitySpec = Object.freeze({
  name: '__dummy',
  joinKey: '__dummy_id',
  valueType: ValueType_Enum.STRING,
  description: '',
  tags: Object.freeze({}),
});
