import { codeOf, plainCause } from './plain-cause.ts';
import { RegistryError } from './registry-error.ts';

export interface SourceFailureOptions {
  /** What messages call the registry. */
  readonly name: string;
  /** What the credentials must be allowed to do. */
  readonly grant: string;
  /** What to look at when there is no such registry. */
  readonly whenMissing: string;
}

/** The error for an answer with this HTTP status. */
export function errorFromStatus(status: number, options: SourceFailureOptions, cause?: unknown): RegistryError {
  const { name, grant, whenMissing } = options;
  const kept = cause === undefined ? {} : { cause: plainCause(cause) };
  if (status === 401 || status === 403) {
    return new RegistryError('REGISTRY_ACCESS_DENIED', `The ${name} is refused to these credentials (${status}).`, {
      hint: grant,
      ...kept,
    });
  }
  if (status === 404 || status === 410) {
    return new RegistryError('REGISTRY_NOT_FOUND', `There is no ${name} (${status}).`, { hint: whenMissing, ...kept });
  }
  return new RegistryError('REGISTRY_UNREADABLE', `The ${name} cannot be read: it was answered with ${status}.`, {
    hint: 'Look at the state of the service that holds it.',
    ...kept,
  });
}

/** The error for a connection that failed: the system's code says how. */
export function errorFromConnection(name: string, cause: unknown): RegistryError {
  if (cause instanceof RegistryError) return cause;
  const why = codeOf(cause) ?? (cause instanceof Error ? cause.name : 'unknown');
  return new RegistryError('REGISTRY_UNREADABLE', `The ${name} cannot be reached or read to its end (${why}).`, {
    hint: /CERT|SELF_SIGNED|ISSUER/.test(why)
      ? 'Check the address; a certificate authority of your own is added with NODE_EXTRA_CA_CERTS.'
      : 'Check address and network.',
    cause: plainCause(cause),
  });
}
