import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { shownPath } from '../config/load-config.ts';
import { DefinitionsError } from './definitions-error.ts';

/** Larger files are not definitions: a path that points at the wrong file should not fill the memory. */
const MAX_FILE_BYTES = 16_777_216;

/** Where definitions are looked for beside feature_store.yaml, when nothing says where they are. */
const FILE_NAMES = ['definitions.yaml', 'definitions.yml'];
const FOLDER_NAME = 'definitions';

/** A file of definitions as it was read. */
export interface DefinitionsText {
  /** The file, as errors show it. */
  readonly file: string;
  readonly text: string;
}

/**
 * Reads a project's definitions.
 * @param repoPath folder of feature_store.yaml
 * @param configured `sideboard.definitions`: a file or a folder, relative to that folder
 * @returns the files in the order of their paths; nothing where none are configured and none are at the usual places
 * @throws DefinitionsError `DEFINITIONS_NOT_FOUND`, `DEFINITIONS_UNREADABLE`
 */
export async function readDefinitionFiles(
  repoPath: string,
  configured: string | undefined,
): Promise<readonly DefinitionsText[] | undefined> {
  const files = configured === undefined ? await usualFiles(repoPath) : await filesAt(resolve(repoPath, configured));
  if (files === undefined) return undefined;
  const texts: DefinitionsText[] = [];
  for (const file of files) texts.push({ file: shownPath(file), text: await readText(file) });
  return texts;
}

async function filesAt(path: string): Promise<readonly string[]> {
  const shown = shownPath(path);
  const found = await kindOf(path);
  if (found === undefined) {
    throw new DefinitionsError('DEFINITIONS_NOT_FOUND', `${shown}: there is no such file or folder.`, {
      hint: 'Correct sideboard.definitions in feature_store.yaml; it is relative to that file.',
    });
  }
  if (found === 'file') return [path];
  const files = await yamlFilesBelow(path);
  if (files.length > 0) return files;
  throw new DefinitionsError('DEFINITIONS_NOT_FOUND', `${shown}: there is no .yaml file in the folder.`, {
    hint: 'Put the definitions there, or correct sideboard.definitions in feature_store.yaml.',
  });
}

async function usualFiles(repoPath: string): Promise<readonly string[] | undefined> {
  const places: string[] = [];
  for (const name of FILE_NAMES) if ((await kindOf(join(repoPath, name))) === 'file') places.push(name);
  const folder = join(repoPath, FOLDER_NAME);
  // A folder of this name may be a Python package: only YAML makes it ours.
  const inFolder = (await kindOf(folder)) === 'folder' ? await yamlFilesBelow(folder) : [];
  if (inFolder.length > 0) places.push(`${FOLDER_NAME}/`);
  if (places.length > 1) {
    const message = `${shownPath(repoPath)}: there are definitions at several places: ${places.join(', ')}.`;
    const hint = 'Keep one of them, or name it: sideboard.definitions in feature_store.yaml.';
    throw new DefinitionsError('DEFINITIONS_UNREADABLE', message, { hint });
  }
  if (inFolder.length > 0) return inFolder;
  return places.length === 0 ? undefined : places.map((name) => join(repoPath, name));
}

/** Files that end in .yaml or .yml, also in folders below; what starts with a dot is left out, as mounted volumes need it. */
async function yamlFilesBelow(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  const names = await readdir(folder).catch((cause: unknown) => Promise.reject(unreadable(folder, cause)));
  for (const name of names) {
    if (name.startsWith('.')) continue;
    const path = join(folder, name);
    const kind = await kindOf(path);
    if (kind === 'folder') found.push(...(await yamlFilesBelow(path)));
    else if (kind === 'file' && /\.ya?ml$/.test(name)) found.push(path);
  }
  return found.sort();
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(path, cause);
  }
}

async function readText(file: string): Promise<string> {
  const shown = shownPath(file);
  let bytes: Buffer;
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) {
      const message = `${shown}: the file has ${size} bytes; definitions have at most ${MAX_FILE_BYTES} in a file.`;
      throw new DefinitionsError('DEFINITIONS_UNREADABLE', message, { hint: 'Split it into files of one folder.' });
    }
    bytes = await readFile(file);
  } catch (cause) {
    throw cause instanceof DefinitionsError ? cause : unreadable(file, cause);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DefinitionsError('DEFINITIONS_UNREADABLE', `${shown}: the file is not UTF-8 text.`, { cause });
  }
}

function unreadable(path: string, cause: unknown): DefinitionsError {
  const code = codeOf(cause);
  const reason = code === 'EACCES' ? 'this process may not read it' : `reading it failed (${code})`;
  return new DefinitionsError('DEFINITIONS_UNREADABLE', `${shownPath(path)}: ${reason}.`, { cause });
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'UNKNOWN';
}
