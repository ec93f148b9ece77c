import { EncodingError } from '../encoding/encoding-error.ts';
import type { EntityKeyEncoder } from '../encoding/entity-key.ts';
import type { EncodedSlice } from '../encoding/wire.ts';
import { entityValueFor } from './entity-values.ts';
import type { KeyGroup } from './plan.ts';
import { ServingError } from './serving-error.ts';
import type { ServingPolicy } from './serving-policy.ts';

/** Columns that keys are made from: a request's own, or more. */
export interface KeySource {
  readonly bytes: Uint8Array;
  readonly entities: readonly KeyColumn[];
}

export interface KeyColumn {
  readonly name: string;
  /** Value i is the serialized `feast.types.Value` between `starts[i]` and `ends[i]`. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** Where they stand, if not in the `bytes` of the source. */
  readonly data?: Uint8Array;
}

/** `Value { string_val: "" }`: the value of `__dummy_id`, the one key of a view without entities. */
const DUMMY_VALUE: EncodedSlice = { data: Uint8Array.of(0x12, 0x00), start: 0, end: 2 };

/**
 * Serialized entity keys of a group, one per request row; for entity-less views the one key there is.
 *
 * @param only rows to make keys for; all of them when left out
 * @throws ServingError `INVALID_ENTITY_VALUE`, `MALFORMED_REQUEST`
 */
export function entityKeysOf(
  group: KeyGroup,
  source: KeySource,
  rows: number,
  policy: ServingPolicy,
  encoder: EntityKeyEncoder = group.encoder,
  only?: readonly number[],
): Uint8Array[] {
  const count = only?.length ?? rows;
  if (group.columns.length === 0) return rows === 0 ? [] : [encodeKey(encoder, [DUMMY_VALUE], group, 0)];
  const keys = new Array<Uint8Array>(count);
  const values = new Array<EncodedSlice>(group.columns.length);
  for (let index = 0; index < count; index++) {
    const row = only?.[index] ?? index;
    for (let part = 0; part < group.columns.length; part++) {
      const joinKey = group.joinKeys[part];
      const column = source.entities[group.columns[part] ?? -1];
      if (joinKey === undefined || column === undefined) continue;
      const start = column.starts[row] ?? 0;
      const end = column.ends[row] ?? 0;
      values[part] = entityValueFor(joinKey, column.name, column.data ?? source.bytes, start, end, row, policy);
    }
    keys[index] = encodeKey(encoder, values, group, row);
  }
  return keys;
}

function encodeKey(
  encoder: EntityKeyEncoder,
  values: readonly EncodedSlice[],
  group: KeyGroup,
  row: number,
): Uint8Array {
  try {
    const key = Buffer.allocUnsafe(encoder.size(values));
    encoder.write(values, key, 0);
    return key;
  } catch (error) {
    if (!(error instanceof EncodingError)) throw error;
    const names = group.joinKeys.map((joinKey) => joinKey.name).join(', ');
    throw new ServingError(
      'INVALID_ENTITY_VALUE',
      `Row ${row} has no valid entity key for ${names}: ${error.message}`,
      {
        hint: 'Entity keys hold strings, bytes, INT32, INT64 and UNIX_TIMESTAMP values.',
        cause: error,
      },
    );
  }
}
