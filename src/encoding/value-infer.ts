import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { TypedValue } from './js-value.ts';
import { isPlainObject } from './value-convert.ts';
import { valueTypeFromName, valueTypeInfo, valueTypeName } from './value-type.ts';

/**
 * The type under which a value without a declared one is stored, in maps and nested lists for example; `undefined` where
 * nothing can be said (an empty list, a class nobody knows). null is INVALID, which stands for an unset value.
 *
 * As in Feast, text is STRING, whole numbers are INT64 and fractions DOUBLE. JavaScript writes whole numbers as bigint here:
 * a `number` is always DOUBLE, so that the type of a column does not depend on whether its values happen to be whole.
 */
export function inferValueType(value: unknown): ValueType_Enum | undefined {
  switch (typeof value) {
    case 'undefined':
      return ValueType_Enum.INVALID;
    case 'string':
      return ValueType_Enum.STRING;
    case 'bigint':
      return ValueType_Enum.INT64;
    case 'number':
      return ValueType_Enum.DOUBLE;
    case 'boolean':
      return ValueType_Enum.BOOL;
    case 'object':
      return inferObject(value);
    default:
      return undefined;
  }
}

function inferObject(value: object | null): ValueType_Enum | undefined {
  if (value === null) return ValueType_Enum.INVALID;
  if (value instanceof TypedValue) return value.type;
  if (value instanceof Uint8Array) return ValueType_Enum.BYTES;
  if (value instanceof Date) return ValueType_Enum.UNIX_TIMESTAMP;
  if (value instanceof Float64Array) return ValueType_Enum.DOUBLE_LIST;
  if (value instanceof Float32Array) return ValueType_Enum.FLOAT_LIST;
  if (value instanceof Int32Array) return ValueType_Enum.INT32_LIST;
  if (value instanceof BigInt64Array) return ValueType_Enum.INT64_LIST;
  if (Array.isArray(value)) return inferCollection(value, 'LIST');
  if (value instanceof Set) return inferCollection([...value], 'SET');
  if (value instanceof Map) {
    for (const key of value.keys()) return typeof key === 'string' ? ValueType_Enum.MAP : ValueType_Enum.SCALAR_MAP;
    return ValueType_Enum.MAP;
  }
  return isPlainObject(value) ? ValueType_Enum.MAP : undefined;
}

/** The first element that is not null decides, as in Feast. */
function inferCollection(elements: readonly unknown[], shape: 'LIST' | 'SET'): ValueType_Enum | undefined {
  const sample = elements.find((element) => element !== null && element !== undefined);
  if (sample === undefined) return undefined;
  if (sample instanceof TypedValue) return valueTypeFromName(`VALUE_${shape}`);
  const type = inferValueType(sample);
  if (type === undefined || valueTypeInfo(type)?.shape !== 'scalar') return valueTypeFromName(`VALUE_${shape}`);
  return valueTypeFromName(`${valueTypeName(type)}_${shape}`) ?? valueTypeFromName(`VALUE_${shape}`);
}
