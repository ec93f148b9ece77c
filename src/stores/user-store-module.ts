import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ResolutionError } from './resolution-error.ts';

const SCRIPTS = ['.js', '.mjs'];
const TYPESCRIPT = ['.ts', '.mts'];

/**
 * Loads the module of a user's own store. `my_stores.json_file` is looked for as `my_stores/json_file` beside
 * feature_store.yaml (.js, .mjs, or an `index` in a folder of that name; .ts and .mts where Node.js runs TypeScript), then as a
 * path into the packages that are installed there or with Sideboard.
 *
 * @param modulePath the type without its class name
 * @throws ResolutionError `STORE_MODULE_MISSING`, `STORE_MODULE_FAILED`
 */
export async function loadUserModule(modulePath: string, repoPath: string, type: string): Promise<unknown> {
  const specifier = modulePath.replaceAll('.', '/');
  const file = findFile(join(repoPath, specifier), type);
  if (file !== undefined) return importModule(pathToFileURL(file).href, file, type);
  const installed = resolvePackage(specifier, repoPath) ?? resolvePackage(specifier, import.meta.filename);
  if (installed !== undefined) return importModule(pathToFileURL(installed).href, specifier, type);
  throw new ResolutionError(
    'STORE_MODULE_MISSING',
    `online_store type "${type}": there is no module ${specifier} in ${repoPath}, and no installed package has it.`,
    { hint: `Put it at ${specifier}.js beside feature_store.yaml, or install the package that holds it there.` },
  );
}

function findFile(base: string, type: string): string | undefined {
  const runsTypescript = (process.features as { readonly typescript?: unknown }).typescript;
  const loadable = runsTypescript ? [...SCRIPTS, ...TYPESCRIPT] : SCRIPTS;
  const places = [base, join(base, 'index')];
  const found = places.flatMap((place) => loadable.map((end) => place + end)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  const source = places.flatMap((place) => TYPESCRIPT.map((end) => place + end)).find((path) => existsSync(path));
  if (source === undefined) return undefined;
  throw new ResolutionError(
    'STORE_MODULE_FAILED',
    `online_store type "${type}": ${source} is TypeScript, which Node.js ${process.versions.node} does not run.`,
    { hint: 'Compile it to JavaScript, or use Node.js 22.18 or later.' },
  );
}

function resolvePackage(specifier: string, from: string): string | undefined {
  try {
    return createRequire(from === import.meta.filename ? from : join(from, 'feature_store.yaml')).resolve(specifier);
  } catch {
    return undefined;
  }
}

async function importModule(url: string, what: string, type: string): Promise<unknown> {
  try {
    return await import(url);
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const missing = missingPackage(reason);
    throw new ResolutionError(
      'STORE_MODULE_FAILED',
      `online_store type "${type}": ${what} cannot be loaded: ${reason}`,
      {
        ...(missing !== undefined && { hint: `Install it beside feature_store.yaml: "npm install ${missing}".` }),
        cause: error,
      },
    );
  }
}

/** Node.js looks for packages from the module's own folder upwards: those that Sideboard has are not seen from there. */
function missingPackage(reason: string): string | undefined {
  return /Cannot find package '([^']+)'/.exec(reason)?.[1];
}
