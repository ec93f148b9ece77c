import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../errors.ts';

/** Everything that can go wrong with a registry, by what an operator can do about it. */
export const registryErrors = {
  REGISTRY_NOT_FOUND: { kind: 'failed_precondition', summary: 'There is no registry at the configured place.' },
  REGISTRY_UNREADABLE: {
    kind: 'unavailable',
    summary: 'The registry is there but cannot be read, or keeps changing while it is read.',
  },
  REGISTRY_ACCESS_DENIED: {
    kind: 'permission_denied',
    summary: 'The registry is not given to these credentials, or there are none.',
  },
  REGISTRY_TIMEOUT: { kind: 'deadline_exceeded', summary: 'Reading the registry took longer than is allowed.' },
  REGISTRY_TOO_LARGE: { kind: 'resource_exhausted', summary: 'The registry is larger than is allowed.' },
  REGISTRY_SETTINGS_INVALID: {
    kind: 'failed_precondition',
    summary: 'The settings of the registry cannot be used as they stand.',
  },
  REGISTRY_PACKAGE_MISSING: {
    kind: 'failed_precondition',
    summary: 'Reading this kind of registry needs a package that is not installed.',
  },
  REGISTRY_CORRUPT: { kind: 'data_loss', summary: 'What was read is empty, cut off or not a Feast registry.' },
  REGISTRY_PROJECT_MISSING: {
    kind: 'failed_precondition',
    summary: 'The registry does not hold the configured project.',
  },
  REGISTRY_COPY_UNUSABLE: {
    kind: 'failed_precondition',
    summary: 'The copy of the registry on disk cannot be used, or cannot be written.',
  },
  REGISTRY_NOT_WRITABLE: {
    kind: 'failed_precondition',
    summary: 'The registry is at a place, or of a layout, that Sideboard reads but does not write.',
  },
  REGISTRY_LOCKED: { kind: 'unavailable', summary: 'Another process is writing the registry.' },
  REGISTRY_CHANGED: {
    kind: 'failed_precondition',
    summary: 'Somebody else wrote the registry between reading and writing it. Theirs is kept.',
  },
  REGISTRY_WRITE_FAILED: { kind: 'unavailable', summary: 'The registry file cannot be written; it is as it was.' },
  REGISTRY_VIEW_MISSING: {
    kind: 'failed_precondition',
    summary: 'A view to be recorded as materialized is not in the registry.',
  },
  REGISTRY_PLAN_REFUSED: {
    kind: 'failed_precondition',
    summary:
      'The definitions cannot be applied to this registry: it holds something that contradicts them or needs what they drop.',
  },
  REGISTRY_CLOSED: { kind: 'unavailable', summary: 'The registry was closed: the process is shutting down.' },
  REGISTRY_FAILED: {
    kind: 'internal',
    summary: 'Reading the registry failed in a way that has no code of its own; the cause is in the log.',
  },
} as const satisfies ErrorCatalogue;

export type RegistryErrorCode = keyof typeof registryErrors;

/** A failure of the registry: at start, or of a refresh that left the last good snapshot in place. */
export class RegistryError extends SideboardError {
  declare readonly code: RegistryErrorCode;

  constructor(code: RegistryErrorCode, message: string, options: SideboardErrorOptions = {}) {
    super(code, registryErrors[code].kind, message, options);
  }
}
