import { StoreError } from './store-error.ts';

/**
 * Loads the client library of a store when the store is first used: it is installed by those who use the store.
 * @param name of the package
 * @param store for the message: the type under which the store is configured
 * @throws StoreError `STORE_UNAVAILABLE` with the install command when the package is not there
 */
export async function loadOptionalPackage(name: string, store: string): Promise<unknown> {
  try {
    return await import(name);
  } catch (cause) {
    const { code } = cause as { readonly code?: unknown };
    const says =
      code === 'ERR_MODULE_NOT_FOUND'
        ? `the package ${name}, which is not installed`
        : `the package ${name}, which cannot be loaded`;
    throw new StoreError('STORE_UNAVAILABLE', `The online store "${store}" needs ${says}.`, {
      hint: `Install it beside sideboard: npm install ${name}`,
      cause,
    });
  }
}
