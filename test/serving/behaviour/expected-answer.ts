import type { Value } from '../../../gen/feast/types/Value_pb.ts';
import { comparableValue, nothing } from '../../support/feature-values.ts';
import type { AnswerColumn } from '../../support/online-features-client.ts';

/** The event time of every row of the behaviour projects. */
export const WRITTEN = '2025-11-01T12:00:00Z';
export const EPOCH = '1970-01-01T00:00:00Z';

interface Cell {
  readonly value: Value;
  readonly status: string;
  readonly time: string;
}

export const present = (value: Value): Cell => ({ value, status: 'PRESENT', time: WRITTEN });
/** Older than its view's TTL: flagged, and still delivered. */
export const expired = (value: Value): Cell => ({ value, status: 'OUTSIDE_MAX_AGE', time: WRITTEN });
export const storedNull: Cell = { value: nothing, status: 'NULL_VALUE', time: WRITTEN };
export const missing: Cell = { value: nothing, status: 'NOT_FOUND', time: EPOCH };

/** A feature's column. */
export function feature(name: string, ...cells: readonly Cell[]): AnswerColumn {
  return {
    name,
    values: cells.map((cell) => comparableValue(cell.value)),
    statuses: cells.map((cell) => cell.status),
    times: cells.map((cell) => cell.time),
  };
}

/** A column of entity values or request data, as it was sent. */
export function sent(name: string, ...values: readonly Value[]): AnswerColumn {
  return feature(name, ...values.map((value) => ({ value, status: 'PRESENT', time: EPOCH })));
}
