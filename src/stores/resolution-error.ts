import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../errors.ts';

/** Everything that can be wrong with `online_store.type`, one code per rule. */
export const resolutionErrors = {
  STORE_TYPE_INVALID: {
    kind: 'failed_precondition',
    summary: 'The type is neither a known name nor `<module>.<ClassName>`.',
  },
  STORE_TYPE_NOT_SERVED: {
    kind: 'unimplemented',
    summary: 'Feast has a store of this type; this version of Sideboard does not.',
  },
  STORE_CLASS_MISNAMED: {
    kind: 'failed_precondition',
    summary: 'The class name does not end in `OnlineStore`.',
  },
  STORE_MODULE_MISSING: {
    kind: 'failed_precondition',
    summary: 'The module is neither beside feature_store.yaml nor among the installed packages.',
  },
  STORE_MODULE_FAILED: { kind: 'failed_precondition', summary: 'The module was found and could not be loaded.' },
  STORE_CLASS_MISSING: { kind: 'failed_precondition', summary: 'The module exports no class of that name.' },
  STORE_CONFIG_MISSING: {
    kind: 'failed_precondition',
    summary: 'The module exports no zod schema named `<ClassName>Config`.',
  },
  STORE_CLASS_FAILED: { kind: 'failed_precondition', summary: "The store's constructor raised an error." },
  STORE_METHOD_MISSING: {
    kind: 'failed_precondition',
    summary: 'The store lacks a method of the contract, or one that its capabilities declare.',
  },
  STORE_CAPABILITIES_INVALID: {
    kind: 'failed_precondition',
    summary: "The store's `capabilities` are missing, incomplete, or do not fit its methods.",
  },
} as const satisfies ErrorCatalogue;

export type ResolutionErrorCode = keyof typeof resolutionErrors;

/** `online_store.type` does not lead to a store. */
export class ResolutionError extends SideboardError {
  declare readonly code: ResolutionErrorCode;

  constructor(code: ResolutionErrorCode, message: string, options: SideboardErrorOptions = {}) {
    super(code, resolutionErrors[code].kind, message, options);
  }
}
