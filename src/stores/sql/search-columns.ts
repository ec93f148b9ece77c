import { fromBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '../../../gen/feast/types/Value_pb.ts';

/** What Feast puts into the columns beside a value so that SQL can search by it. */
export interface SearchColumns {
  readonly text: string | null;
  readonly number: number | null;
}

const NOTHING: SearchColumns = { text: null, number: null };

/**
 * The `value_text` and `value_num` columns for a serialized `feast.types.Value`: text for strings, numbers and booleans as
 * Python prints them, a number for numbers and booleans, nothing for every other type.
 * @throws the protobuf decoder's error when the bytes are no Value.
 */
export function searchColumns(value: Uint8Array): SearchColumns {
  const { val } = fromBinary(ValueSchema, value);
  switch (val.case) {
    case 'stringVal':
      return { text: val.value, number: null };
    case 'int32Val':
    case 'int64Val':
      return { text: String(val.value), number: Number(val.value) };
    case 'doubleVal':
    case 'floatVal':
      return { text: pythonFloat(val.value), number: val.value };
    case 'boolVal':
      return { text: val.value ? 'True' : 'False', number: val.value ? 1 : 0 };
    default:
      return NOTHING;
  }
}

/** A double as Python's `str` prints it: shortest digits, `.0` for whole numbers, exponents below 1e-4 and from 1e16. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const [mantissa = '0', exponentText = '0'] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  const sign = Object.is(value, -0) ? '-' : '';
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    const digits = String(Math.abs(exponent)).padStart(2, '0');
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${digits}`;
  }
  // Between these limits JavaScript prints no exponent either.
  const plain = String(value);
  return sign + (plain.includes('.') ? plain : `${plain}.0`);
}
