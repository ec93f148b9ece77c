import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { EncodingError } from '../encoding/encoding-error.ts';
import { decodeValue, encodeValue, valueArm } from '../encoding/value.ts';
import { armOfValueType, valueTypeName, valueTypeOfArm } from '../encoding/value-type.ts';
import type { EncodedSlice } from '../encoding/wire.ts';
import type { JoinKeySpec } from '../registry/registry-snapshot.ts';
import { isWellFormed, noValue } from './echoed-values.ts';
import { ServingError } from './serving-error.ts';
import type { ServingPolicy } from './serving-policy.ts';
import { classifyStoredValue, isOneField, StoredKind } from './stored-value.ts';

const INT32_MAX = 2n ** 31n;
const INT64_MAX = 2n ** 63n;
const INTEGERS: ReadonlySet<ValueType_Enum> = new Set([ValueType_Enum.INT32, ValueType_Enum.INT64]);
/** Longer than any number that fits: reading millions of digits takes most of a second. */
const INTEGER_TEXT = /^-?(0|[1-9]\d{0,39})$/;

/**
 * Makes one entity value fit to be looked up.
 *
 * The common case, a value of the join key's own type, is recognised from its first bytes and passed on as it is.
 *
 * @throws ServingError `INVALID_ENTITY_VALUE`, naming column and row, never the value
 */
export function entityValueFor(
  joinKey: JoinKeySpec,
  column: string,
  bytes: Uint8Array,
  start: number,
  end: number,
  row: number,
  policy: ServingPolicy,
): EncodedSlice {
  const expected = armOfValueType(joinKey.valueType);
  const kind = classifyStoredValue(bytes, start, end, expected);
  const isExpected = kind === StoredKind.expected;
  // Of several fields the last one counts, but the answer repeats all of them.
  if (isExpected && (isOneField(bytes, start, end) || isWellFormed(bytes, start, end))) {
    return { data: bytes, start, end };
  }
  const where = `Row ${row} of column "${column}"`;
  const wanted = valueTypeName(joinKey.valueType);
  if (kind === StoredKind.null) {
    throw new ServingError('INVALID_ENTITY_VALUE', `${where} is null; join key "${joinKey.name}" needs ${wanted}.`, {
      hint: 'Leave out rows without an entity.',
    });
  }
  if (kind !== StoredKind.otherType || !isWellFormed(bytes, start, end)) throw noValue(where);
  if (policy.entityTypes === 'as-sent') return { data: bytes, start, end };
  const data = coerced(bytes.subarray(start, end), joinKey.valueType);
  if (typeof data === 'string') {
    throw new ServingError('INVALID_ENTITY_VALUE', `${where} ${data}; join key "${joinKey.name}" needs ${wanted}.`, {
      hint: `Send ${wanted}.`,
    });
  }
  return { data, start: 0, end: data.length };
}

/** The value in the wanted type, where that changes nothing about it; else what is wrong with it, in words. */
function coerced(value: Uint8Array, wanted: ValueType_Enum): Uint8Array | string {
  const sent = valueTypeOfArm(valueArm(value));
  const is = `is ${valueTypeName(sent)}`;
  const integer = integerFrom(decodeValue(value), sent);
  switch (wanted) {
    case ValueType_Enum.INT32:
      if (integer === undefined) return is;
      return integer >= -INT32_MAX && integer < INT32_MAX
        ? encoded(integer, wanted)
        : `${is} outside the range of INT32`;
    case ValueType_Enum.INT64:
    case ValueType_Enum.UNIX_TIMESTAMP:
      if (integer === undefined) return is;
      return integer >= -INT64_MAX && integer < INT64_MAX
        ? encoded(integer, wanted)
        : `${is} outside the range of INT64`;
    case ValueType_Enum.STRING:
      // A floating-point number does not say whether "5" or "5.0" was stored.
      return INTEGERS.has(sent) && integer !== undefined ? encoded(integer.toString(), wanted) : is;
    default:
      return is;
  }
}

/** The whole number that a number or a string of decimal digits stands for. */
function integerFrom(value: unknown, type: ValueType_Enum): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined;
  if (type === ValueType_Enum.STRING && typeof value === 'string' && INTEGER_TEXT.test(value)) return BigInt(value);
  return undefined;
}

function encoded(value: bigint | string, type: ValueType_Enum): Uint8Array | string {
  try {
    return encodeValue(value, type);
  } catch (error) {
    if (error instanceof EncodingError) return `does not fit (${error.message})`;
    throw error;
  }
}
