import { EncodingError } from '../encoding/encoding-error.ts';
import { decodeTypedValue } from '../encoding/value.ts';
import type { Plan } from './plan.ts';
import type { OnlineFeaturesRequest, RequestColumn } from './request.ts';
import { ServingError } from './serving-error.ts';

/**
 * Checks the columns that the answer repeats and that no key is made from: with anything but values in them, the answer would not be a
 * message that clients can read.
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

/** Whether a value can be read, with everything that is in it. */
export function isWellFormed(bytes: Uint8Array, start: number, end: number): boolean {
  try {
    decodeTypedValue(bytes, start, end);
    return true;
  } catch (error) {
    if (error instanceof EncodingError) return false;
    throw error;
  }
}

/** @param where names the value */
export function noValue(where: string): ServingError {
  return new ServingError('MALFORMED_REQUEST', `${where} is not a valid feast.types.Value.`);
}
