import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../errors.ts';

/** What can be wrong with rows that are to be written, or with the file or request that they come from. */
export const ingestErrors = {
  INGEST_UNKNOWN_VIEW: { kind: 'not_found', summary: 'The registry has no feature view of that name.' },
  INGEST_VIEW_NOT_WRITABLE: {
    kind: 'failed_precondition',
    summary: 'Rows of the view are computed by a Python function, or the view is kept out of the online store.',
  },
  INGEST_STORE_READ_ONLY: {
    kind: 'unimplemented',
    summary: 'The store mirrors another system and takes no rows directly.',
  },
  INGEST_FILE_UNREADABLE: {
    kind: 'failed_precondition',
    summary: 'The file with the rows is not there or cannot be read.',
  },
  INGEST_FORMAT_UNKNOWN: {
    kind: 'invalid_argument',
    summary: 'Neither the file name nor an option says whether the rows are JSON lines or CSV.',
  },
  INGEST_BAD_SYNTAX: {
    kind: 'invalid_argument',
    summary: 'A line is not valid JSON, not a JSON object, not valid CSV or not UTF-8.',
  },
  INGEST_MISSING_COLUMN: {
    kind: 'invalid_argument',
    summary: 'A row, or the header of a CSV file, lacks a join key, a feature or the event timestamp.',
  },
  INGEST_BAD_VALUE: {
    kind: 'invalid_argument',
    summary: 'A value does not fit the type that the registry gives its column, or a join key is null.',
  },
  INGEST_BAD_TIMESTAMP: {
    kind: 'invalid_argument',
    summary: 'An event or created timestamp is null or no point in time.',
  },
  INGEST_MALFORMED_BATCH: {
    kind: 'invalid_argument',
    summary: 'A message of an Ingest/Write call is not a WriteRequest.',
  },
  INGEST_BAD_BATCH: {
    kind: 'invalid_argument',
    summary:
      'A batch lacks a column of its view, has one that the view does not have, columns of different lengths, or too many values.',
  },
  INGEST_REJECTS_UNWRITABLE: {
    kind: 'failed_precondition',
    summary: 'The file that names rows which are left out cannot be written.',
  },
  INGEST_BAD_ROWS: {
    kind: 'invalid_argument',
    summary: 'Several rows of one batch cannot be written; each is named with its line and column.',
  },
  INGEST_MALFORMED_REQUEST: {
    kind: 'invalid_argument',
    summary: 'The request is not a valid message, or has its row twice, as text and typed.',
  },
  INGEST_UNKNOWN_SOURCE: {
    kind: 'not_found',
    summary: 'No feature view of the registry is fed by a push source of that name.',
  },
  INGEST_UNKNOWN_DESTINATION: {
    kind: 'invalid_argument',
    summary: 'The field `to` of a push names none of the known destinations.',
  },
  INGEST_NO_OFFLINE_STORE: {
    kind: 'unimplemented',
    summary: 'A push is to go to the offline store too, or only there, and Sideboard has none.',
  },
  INGEST_WRITES_OFF: { kind: 'permission_denied', summary: 'The server is configured to take no rows.' },
  INGEST_OVERLOADED: {
    kind: 'resource_exhausted',
    summary: 'More pushed rows wait for the store than may.',
  },
  DEADLINE_EXCEEDED: {
    kind: 'deadline_exceeded',
    summary: "The caller's deadline passed before the answer was complete.",
  },
} as const satisfies ErrorCatalogue;

export type IngestErrorCode = keyof typeof ingestErrors;

/** A row or file that cannot be written. Messages name line and column, never the value. */
export class IngestError extends SideboardError {
  declare readonly code: IngestErrorCode;
  /** Which column of a row is wrong, where it is one. */
  readonly column: string | undefined;

  constructor(
    code: IngestErrorCode,
    message: string,
    options: SideboardErrorOptions & { readonly column?: string } = {},
  ) {
    super(code, ingestErrors[code].kind, message, options);
    this.column = options.column;
  }
}
