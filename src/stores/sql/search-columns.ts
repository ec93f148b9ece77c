import { fromBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '../../../gen/feast/types/Value_pb.ts';
import { WIRE_BYTES, WIRE_FIXED32, WIRE_FIXED64, WireReader } from '../../encoding/wire-reader.ts';

/** What Feast puts into the columns beside a value so that SQL can search by it. */
export interface SearchColumns {
  readonly text: string | null;
  readonly number: number | null;
}

/**
 * Gives the `value_text` and `value_num` columns for serialized `feast.types.Value`s: text for strings, numbers and booleans as
 * Python prints them, a number for numbers and booleans, nothing for every other type. One reader serves many values, so that
 * no object is made per value.
 */
export class SearchReader implements SearchColumns {
  text: string | null = null;
  number: number | null = null;

  /**
   * @returns itself, valid until the next value is read
   * @throws the protobuf decoder's error, or EncodingError, when the bytes are not a Value
   */
  read(bytes: Uint8Array, start: number, end: number): SearchColumns {
    this.text = null;
    this.number = null;
    if (start < end && !this.#readScalar(bytes, start, end)) this.#readMessage(bytes.subarray(start, end));
    return this;
  }

  /** Reads a value that is one scalar and nothing else, as nearly all are. */
  #readScalar(bytes: Uint8Array, start: number, end: number): boolean {
    const reader = new WireReader(bytes, start, end);
    const field = reader.tag();
    switch (field) {
      case STRING:
      case BYTES: {
        const length = reader.varint();
        if (reader.pos + length !== end) return false;
        if (field === BYTES) return true;
        this.text = utf8(bytes, reader.pos, end);
        // U+FFFD may stand for bytes that are not UTF-8; the decoder decides.
        return !this.text.includes('\ufffd');
      }
      case INT32:
      case INT64:
      case BOOL:
      case UNIX_TIMESTAMP:
        reader.varint64();
        if (reader.pos !== end) return false;
        if (field === INT32) this.#setNumber(reader.low | 0);
        else if (field === BOOL) this.#setBool((reader.low | reader.high) !== 0);
        else if (field === INT64) this.#setInt64(reader.low, reader.high | 0);
        return true;
      case DOUBLE:
      case FLOAT:
        if (end - reader.pos !== (field === DOUBLE ? 8 : 4)) return false;
        this.#setFloat(field === DOUBLE ? reader.double() : reader.float());
        return true;
      default:
        return false;
    }
  }

  /** Any value at all. What it holds beside a scalar is looked through to its end, so that it is a value for sure. */
  #readMessage(bytes: Uint8Array): void {
    this.text = null;
    const { val } = fromBinary(ValueSchema, bytes);
    switch (val.case) {
      case 'stringVal':
        this.text = val.value;
        break;
      case 'int32Val':
        this.#setNumber(val.value);
        break;
      case 'int64Val':
        this.text = String(val.value);
        this.number = Number(val.value);
        break;
      case 'doubleVal':
      case 'floatVal':
        this.#setFloat(val.value);
        break;
      case 'boolVal':
        this.#setBool(val.value);
        break;
      default:
    }
  }

  #setInt64(low: number, high: number): void {
    if (high === low >> 31) {
      this.#setNumber(low | 0);
      return;
    }
    const value = (BigInt(high) << 32n) | BigInt(low >>> 0);
    this.text = String(value);
    this.number = Number(value);
  }

  #setNumber(value: number): void {
    this.text = String(value);
    this.number = value;
  }

  #setFloat(value: number): void {
    this.text = pythonFloat(value);
    this.number = value;
  }

  #setBool(value: boolean): void {
    this.text = value ? 'True' : 'False';
    this.number = value ? 1 : 0;
  }
}

// Tags of the scalar arms of feast.types.Value: field number and wire type.
const BYTES = (1 << 3) | WIRE_BYTES;
const STRING = (2 << 3) | WIRE_BYTES;
const INT32 = 3 << 3;
const INT64 = 4 << 3;
const DOUBLE = (5 << 3) | WIRE_FIXED64;
const FLOAT = (6 << 3) | WIRE_FIXED32;
const BOOL = 7 << 3;
const UNIX_TIMESTAMP = 8 << 3;

function utf8(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

/** A double as Python's `str` prints it: shortest digits, `.0` for whole numbers, exponents below 1e-4 and from 1e16. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e16)) {
    // Between these limits JavaScript prints no exponent either.
    const plain = String(value);
    return plain.includes('.') ? plain : `${plain}.0`;
  }
  const [mantissa = '0', exponent = '0'] = value.toExponential().split('e');
  const digits = String(Math.abs(Number(exponent))).padStart(2, '0');
  return `${mantissa}e${exponent.startsWith('-') ? '-' : '+'}${digits}`;
}
