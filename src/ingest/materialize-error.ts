import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../errors.ts';

/** What can be wrong with loading views from their sources. Bad rows of CSV and JSON lines have codes of `ingest-error.ts`. */
export const materializeErrors = {
  MATERIALIZE_INTERVAL_INVALID: {
    kind: 'invalid_argument',
    summary: 'A bound of the interval is not a point in time, or its start is after its end.',
  },
  MATERIALIZE_SOURCE_UNSUPPORTED: {
    kind: 'unimplemented',
    summary: "The view's batch source is not a file, or a file of a format or at a place that is not read.",
  },
  MATERIALIZE_SOURCE_MISSING: {
    kind: 'failed_precondition',
    summary: "No file is where the view's batch source says.",
  },
  MATERIALIZE_SOURCE_UNREADABLE: {
    kind: 'failed_precondition',
    summary: 'A source file is damaged, changed while it was read, or may not be read.',
  },
  MATERIALIZE_MISSING_COLUMN: {
    kind: 'failed_precondition',
    summary: 'The source lacks a column that the view needs: a join key, a feature, or a timestamp.',
  },
  MATERIALIZE_BAD_ROWS: {
    kind: 'invalid_argument',
    summary: 'More rows cannot be loaded than `--max-bad-rows` allows. Nothing of the view was written.',
  },
  MATERIALIZE_LOCKED: {
    kind: 'failed_precondition',
    summary: 'Another run loads the same view.',
  },
  MATERIALIZE_PACKAGE_MISSING: {
    kind: 'failed_precondition',
    summary: 'A package is not installed that loading, or this kind of source, needs.',
  },
  MATERIALIZE_FAILED: {
    kind: 'internal',
    summary: 'DuckDB, which reads the sources, failed: the disk is full, or memory is short.',
  },
} as const satisfies ErrorCatalogue;

export type MaterializeErrorCode = keyof typeof materializeErrors;

/** A failure of loading. Messages name view, file and column, never a value. */
export class MaterializeError extends SideboardError {
  declare readonly code: MaterializeErrorCode;

  constructor(code: MaterializeErrorCode, message: string, options: SideboardErrorOptions = {}) {
    super(code, materializeErrors[code].kind, message, options);
  }
}
