import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { EncodingError } from '../../encoding/encoding-error.ts';
import { parseTimestamp, type TimePoint } from '../../encoding/timestamp.ts';
import { decodeTypedValue, type ZonedTimestamp } from '../../encoding/value.ts';
import type { PushedRow } from './push-request.ts';

const DIGITS = /^\s*[+-]?\d+(\.\d*)?\s*$/;

/**
 * A timestamp column of a pushed row. Text is RFC 3339 or as Python prints it, UTC where it names no zone; digits alone are refused,
 * because nothing says what they count.
 *
 * Numbers of every type, `unix_timestamp_val` among them, count nanoseconds since 1970: Feast's gRPC server takes them so, though a
 * UNIX_TIMESTAMP counts seconds everywhere else.
 * @param place of the column in `row`
 * @throws EncodingError what is wrong, without the value
 */
export function timeFromPushed(row: PushedRow, place: number): TimePoint {
  if (!row.isTyped) return timeFromText(row.textAt(place));
  const { type, value } = decodeTypedValue(row.bytes, row.startAt(place), row.endAt(place));
  switch (type) {
    case ValueType_Enum.INVALID:
      throw invalid('it is null');
    case ValueType_Enum.STRING:
      return timeFromText(value as string);
    case ValueType_Enum.INT32:
    case ValueType_Enum.INT64:
    case ValueType_Enum.UNIX_TIMESTAMP:
      return parseTimestamp(value as number | bigint, 'ns');
    case ValueType_Enum.DOUBLE:
    case ValueType_Enum.FLOAT:
      return parseTimestamp(wholeNanoseconds(value as number), 'ns');
    case ValueType_Enum.ZONED_TIMESTAMP:
      return parseTimestamp((value as ZonedTimestamp).unixTimestamp, 's');
    default:
      throw invalid('it is neither text nor a number');
  }
}

function timeFromText(text: string): TimePoint {
  if (DIGITS.test(text)) throw invalid('nothing says what the number counts');
  return parseTimestamp(text);
}

function wholeNanoseconds(value: number): bigint {
  if (!Number.isFinite(value)) throw invalid('it is not finite');
  return BigInt(Math.trunc(value));
}

function invalid(why: string): EncodingError {
  return new EncodingError('INVALID_TIMESTAMP', `A timestamp is invalid: ${why}.`, {
    hint: 'Use RFC 3339, such as 2026-01-10T08:00:00Z.',
  });
}
