import { isUtf8 } from 'node:buffer';
import { EncodingError } from '../encoding/encoding-error.ts';
import { decodeTypedValue } from '../encoding/value.ts';
import type { Plan } from './plan.ts';
import type { OnlineFeaturesRequest, RequestColumn } from './request.ts';
import { ServingError } from './serving-error.ts';

/** Tag of `string_val`. */
const STRING_TAG = 0x12;

/**
 * Looks at the columns that the answer repeats and that no key is made from: what is not a value would make the answer no message.
 * @throws ServingError `MALFORMED_REQUEST`, naming column and row
 */
export function assertEchoable(plan: Plan, request: OnlineFeaturesRequest): void {
  for (const column of request.requestContext) assertValues(column, request.bytes);
  for (const index of plan.echoedEntities) {
    const column = request.entities[index];
    const isKey = plan.keyGroups.some(({ columns }) => columns.includes(index));
    if (column !== undefined && !isKey) assertValues(column, request.bytes);
  }
}

function assertValues({ name, starts, ends }: RequestColumn, bytes: Uint8Array): void {
  for (let row = 0; row < starts.length; row++) {
    if (!isWellFormed(bytes, starts[row] ?? 0, ends[row] ?? 0)) throw noValue(`Row ${row} of column "${name}"`);
  }
}

/** Whether a value, all that it holds included, can be read. */
export function isWellFormed(bytes: Uint8Array, start: number, end: number): boolean {
  try {
    decodeTypedValue(bytes, start, end);
    return true;
  } catch (error) {
    if (error instanceof EncodingError) return false;
    throw error;
  }
}

/** Whether the text of a well-formed string value is UTF-8. Nearly all are ASCII. */
export function isText(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end && (bytes[at] as number) < 0x80) at++;
  if (at === end) return true;
  const length = bytes[start + 1] as number;
  const isShort = bytes[start] === STRING_TAG && length < 0x80 && start + 2 + length === end;
  return isShort ? isUtf8(bytes.subarray(start + 2, end)) : isWellFormed(bytes, start, end);
}

/** @param where names the value */
export function noValue(where: string): ServingError {
  return new ServingError('MALFORMED_REQUEST', `${where} is not a valid feast.types.Value.`);
}
