import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The version in Sideboard's package.json. */
export function packageVersion(): string {
  return findPackage()?.version ?? 'unknown';
}

/** The folder of Sideboard's package.json. */
export function packageFolder(): string | undefined {
  return findPackage()?.folder;
}

/** Looked for from this file upwards: it runs as source and compiled. */
function findPackage(): { readonly folder: string; readonly version: string | undefined } | undefined {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const found = readPackage(join(folder, 'package.json'));
    if (found?.name === 'sideboard') return { folder, version: found.version };
    if (folder === dirname(folder)) return undefined;
  }
}

function readPackage(file: string): { readonly name?: string; readonly version?: string } | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  return JSON.parse(text) as { readonly name?: string; readonly version?: string };
}
