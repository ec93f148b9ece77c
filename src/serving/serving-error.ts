import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../errors.ts';

/** What can be wrong with a request for features, or with what was found for it. */
export const servingErrors = {
  MALFORMED_REQUEST: {
    kind: 'invalid_argument',
    summary: 'The request is not a valid GetOnlineFeaturesRequest message.',
  },
  NO_FEATURES_REQUESTED: {
    kind: 'invalid_argument',
    summary: 'The request names neither features nor a feature service.',
  },
  INVALID_FEATURE_REFERENCE: {
    kind: 'invalid_argument',
    summary: 'A feature reference is not `view:feature` or `view@vN:feature`.',
  },
  UNKNOWN_FEATURE_VIEW: { kind: 'not_found', summary: 'The registry has no feature view of that name.' },
  UNKNOWN_FEATURE: { kind: 'not_found', summary: 'The feature view has no feature of that name.' },
  UNKNOWN_FEATURE_SERVICE: { kind: 'not_found', summary: 'The registry has no feature service of that name.' },
  UNKNOWN_FEATURE_VIEW_VERSION: { kind: 'not_found', summary: 'The feature view has no such version.' },
  VERSIONING_DISABLED: {
    kind: 'invalid_argument',
    summary: 'A version was asked for while the project keeps no versions in its online store.',
  },
  DUPLICATE_FEATURE_NAMES: {
    kind: 'invalid_argument',
    summary: 'Two requested features would have the same name in the answer.',
  },
  MISSING_JOIN_KEY: { kind: 'invalid_argument', summary: 'A join key that a requested view needs was not sent.' },
  UNKNOWN_ENTITY_COLUMN: {
    kind: 'invalid_argument',
    summary: 'The request has an entity column that none of the requested views uses.',
  },
  UNEVEN_COLUMNS: { kind: 'invalid_argument', summary: 'The columns of the request have different numbers of rows.' },
  INVALID_ENTITY_VALUE: {
    kind: 'invalid_argument',
    summary: "An entity value is null or of a type that does not fit the join key's.",
  },
  TOO_MANY_ENTITIES: { kind: 'resource_exhausted', summary: 'The request has more entity rows than the limit allows.' },
  TOO_MANY_FEATURES: {
    kind: 'resource_exhausted',
    summary: 'The request has more features or columns than the limit allows.',
  },
  TOO_MANY_VALUES: {
    kind: 'resource_exhausted',
    summary: 'The request asks for more values, entity rows times features, than the limit allows.',
  },
  QUEUED_TOO_LONG: {
    kind: 'resource_exhausted',
    summary: 'The request had to wait longer for its turn to read than the limit allows.',
  },
  ON_DEMAND_NOT_SERVED: {
    kind: 'unimplemented',
    summary: 'The feature is computed on demand by a Python function, which Sideboard does not execute.',
  },
  STORED_TYPE_MISMATCH: {
    kind: 'data_loss',
    summary: 'The store holds a value of another type than the registry says.',
  },
  STORED_VALUE_CORRUPT: { kind: 'data_loss', summary: 'The store holds bytes that are not a valid value.' },
  DEADLINE_EXCEEDED: {
    kind: 'deadline_exceeded',
    summary: "The caller's deadline passed before the answer was complete.",
  },
} as const satisfies ErrorCatalogue;

export type ServingErrorCode = keyof typeof servingErrors;

export class ServingError extends SideboardError {
  declare readonly code: ServingErrorCode;

  constructor(code: ServingErrorCode, message: string, options: SideboardErrorOptions = {}) {
    super(code, servingErrors[code].kind, message, options);
  }
}

/** Names for an error message: quoted, at most `limit` of them, and how many there are in all. */
export function listNames(names: Iterable<string>, limit = 10): string {
  const all = [...names];
  const shown = all.slice(0, limit).map((name) => `"${name}"`);
  if (all.length > limit) shown.push(`… (${all.length} in all)`);
  return shown.length === 0 ? 'none' : shown.join(', ');
}
