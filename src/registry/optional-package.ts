import { RegistryError } from './registry-error.ts';

/**
 * Loads a package that only one kind of registry needs.
 * @param load Imports it. A function, so that the import names the package where the compiler can see it.
 * @throws RegistryError `REGISTRY_PACKAGE_MISSING` with the command that installs it.
 */
export async function loadOptionalPackage<T>(name: string, purpose: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new RegistryError(
      'REGISTRY_PACKAGE_MISSING',
      `${purpose} needs the package ${name}, which is not installed.`,
      {
        hint: `Run: npm install ${name}`,
        cause: error,
      },
    );
  }
}
