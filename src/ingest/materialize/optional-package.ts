import { MaterializeError } from '../materialize-error.ts';

/**
 * Loads a package that only loading needs.
 * @param load Imports it. A function, so that the import names the package where the compiler can see it.
 * @throws MaterializeError `MATERIALIZE_PACKAGE_MISSING` with the command that installs it.
 */
export async function loadOptionalPackage<T>(name: string, purpose: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new MaterializeError(
      'MATERIALIZE_PACKAGE_MISSING',
      `${purpose} needs the package ${name}, which is not installed.`,
      { hint: `Install it beside sideboard: npm install ${name}`, cause },
    );
  }
}
