import { type ErrorCatalogue, SideboardError, type SideboardErrorOptions } from '../../errors.ts';

/** What can go wrong while tracing is opened. Later on nothing fails: spans that cannot be exported are dropped and counted. */
export const tracingErrors = {
  TRACING_PACKAGE_MISSING: {
    kind: 'unimplemented',
    summary: 'Traces are asked for, and the packages of OpenTelemetry are not installed.',
  },
  TRACING_SETTINGS_INVALID: {
    kind: 'failed_precondition',
    summary: 'A setting of tracing, or a variable of OpenTelemetry, asks for something that is not there.',
  },
} as const satisfies ErrorCatalogue;

export type TracingErrorCode = keyof typeof tracingErrors;

export class TracingError extends SideboardError {
  declare readonly code: TracingErrorCode;

  constructor(code: TracingErrorCode, message: string, options: SideboardErrorOptions = {}) {
    super(code, tracingErrors[code].kind, message, options);
  }
}
