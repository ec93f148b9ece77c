import type { EntityKey } from '../../gen/feast/types/EntityKey_pb.ts';
import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { jsonDocumentText } from '../../src/encoding/python-text.ts';
import { encodeValue } from '../../src/encoding/value.ts';
import type { OnlineTable } from '../../src/stores/online-store.ts';
import { entityKeyFromJson } from './golden-stores.ts';

/** A value as the recordings show it: numbers as text, so that nothing is lost. */
export type TypedReading =
  | { readonly t: 'int' | 'float' | 'str'; readonly v: string }
  | { readonly t: 'bool'; readonly v: boolean }
  | { readonly t: 'null' }
  | { readonly t: 'list'; readonly v: readonly TypedReading[] }
  | { readonly t: 'dict'; readonly v: Readonly<Record<string, TypedReading>> };

export type TypedRow = Readonly<Record<string, TypedReading>>;

const TYPES = {
  int: ValueType_Enum.INT64,
  float: ValueType_Enum.DOUBLE,
  str: ValueType_Enum.STRING,
  bool: ValueType_Enum.BOOL,
  null: ValueType_Enum.INT64,
  dict: ValueType_Enum.JSON,
} as const;

/** The registry's type for a feature that was recorded with this value. */
export function typeOfReading(reading: TypedReading): ValueType_Enum {
  if (reading.t !== 'list') return TYPES[reading.t];
  return reading.v[0]?.t === 'float' ? ValueType_Enum.DOUBLE_LIST : ValueType_Enum.STRING_LIST;
}

/** The recorded value as a serialized `feast.types.Value`. */
export function valueOfReading(reading: TypedReading): Uint8Array {
  if (reading.t === 'float' && reading.v === 'nan') return Buffer.from('29000000000000f87f', 'hex');
  return encodeValue(plainReading(reading), typeOfReading(reading));
}

function plainReading(reading: TypedReading): unknown {
  switch (reading.t) {
    case 'int':
      return BigInt(reading.v);
    case 'float':
      return Number(reading.v.replace('inf', 'Infinity'));
    case 'null':
      return null;
    case 'list':
      return reading.v.map(plainReading);
    case 'dict':
      return jsonDocumentText(
        new Map(Object.entries(reading.v).map(([key, item]) => [key, plainReading(item)])),
        'python',
      );
    default:
      return reading.v;
  }
}

/** A table of project `p` whose features have the types that were recorded. */
export function tableOfReadings(name: string, joinKeys: readonly string[], row: TypedRow): OnlineTable {
  const features = Object.entries(row).map(([feature, reading]) => ({
    name: feature,
    valueType: typeOfReading(reading),
  }));
  return { project: 'p', name, joinKeys, features };
}

/** mlforge's keys are texts. */
export function keyOfTexts(keys: Readonly<Record<string, string>>): EntityKey {
  return entityKeyFromJson({
    joinKeys: Object.keys(keys),
    entityValues: Object.values(keys).map((stringVal) => ({ stringVal })),
  });
}
