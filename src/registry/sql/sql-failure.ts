import { codeOf, plainCause } from '../plain-cause.ts';
import { RegistryError } from '../registry-error.ts';
import { errorFromConnection } from '../source-failure.ts';

/** What a database's own codes mean here: login refused, table refused, no such database. */
export interface SqlFailureCodes {
  readonly login: ReadonlySet<string>;
  readonly grant: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
  /** How the right to read is given. */
  readonly grantStatement: string;
}

/** Translates an error of a database's client library; what is a RegistryError already stays as it is. */
export function errorFromDatabase(error: unknown, name: string, codes: SqlFailureCodes): RegistryError {
  if (error instanceof RegistryError) return error;
  const code = codeOf(error) ?? '';
  const cause = plainCause(error);
  if (codes.login.has(code)) {
    return new RegistryError('REGISTRY_ACCESS_DENIED', `The ${name} refused the user or the password (${code}).`, {
      hint: 'Correct them in registry.path or registry.read_path, best from variables; the user may have to be allowed from here.',
      cause,
    });
  }
  if (codes.grant.has(code)) {
    return new RegistryError('REGISTRY_ACCESS_DENIED', `The ${name} may not be read by this user (${code}).`, {
      hint: `Run: ${codes.grantStatement}`,
      cause,
    });
  }
  if (codes.missing.has(code)) {
    return new RegistryError('REGISTRY_NOT_FOUND', `There is no ${name} (${code}).`, {
      hint: 'Create the database and run `feast apply`, or correct registry.path.',
      cause,
    });
  }
  return errorFromConnection(name, error);
}
