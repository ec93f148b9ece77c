import type { GoogleAuth } from 'google-auth-library';
import { loadOptionalPackage } from '../optional-package.ts';
import { plainCause } from '../plain-cause.ts';
import { RegistryError } from '../registry-error.ts';
import type { SourceFailureOptions } from '../source-failure.ts';

/** Headers that authorize a request to a URL. */
export type AuthHeaders = (url: string) => Promise<Headers | Record<string, string>>;

const scope = 'https://www.googleapis.com/auth/devstorage.read_only';

/** Application default credentials, found with the first request; tokens are kept until shortly before they expire. */
export function googleAuthHeaders({ name, grant }: SourceFailureOptions): AuthHeaders {
  let auth: GoogleAuth | undefined;
  return async (url) => {
    if (auth === undefined) {
      const library = await loadOptionalPackage(
        'google-auth-library',
        'A registry in Google Cloud Storage',
        () => import('google-auth-library'),
      );
      auth = new library.GoogleAuth({ scopes: scope });
    }
    try {
      return await auth.getRequestHeaders(url);
    } catch (error) {
      // A new attempt looks for credentials again.
      auth = undefined;
      throw new RegistryError('REGISTRY_ACCESS_DENIED', `There are no Google credentials for the ${name}.`, {
        hint: `Give the pod a service account (workload identity), or set GOOGLE_APPLICATION_CREDENTIALS. ${grant}`,
        cause: plainCause(error),
      });
    }
  };
}
