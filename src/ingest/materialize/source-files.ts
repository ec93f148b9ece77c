import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MaterializeError } from '../materialize-error.ts';
import { fixedPart, globPattern, isGlob } from './glob.ts';
import { formatOfFiles, isMarker, nothingThere, type SourceFiles } from './source-file.ts';
import type { ViewSource } from './view-source.ts';

export interface FindSourceOptions {
  /** Folder of `feature_store.yaml`, from which relative paths start. */
  readonly repoPath: string;
  /** Where files from elsewhere are put; the caller removes it. */
  readonly downloadFolder: string;
}

/**
 * Finds the files of a view's source: a file, a folder with everything below it, or a pattern, as Feast takes them.
 * @throws MaterializeError `MATERIALIZE_SOURCE_MISSING`, `MATERIALIZE_SOURCE_UNSUPPORTED`, `MATERIALIZE_SOURCE_UNREADABLE`
 */
export async function findSourceFiles(source: ViewSource, options: FindSourceOptions): Promise<SourceFiles> {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):\/\//.exec(source.uri)?.[1]?.toLowerCase();
  if (scheme === 's3' || scheme === 's3a') {
    const { findS3Files } = await import('./s3-files.ts');
    return findS3Files(source, options.downloadFolder);
  }
  if (scheme !== undefined && scheme !== 'file') {
    throw new MaterializeError(
      'MATERIALIZE_SOURCE_UNSUPPORTED',
      `View "${source.view}" has its source at ${scheme}://, which is not read.`,
      { hint: 'Local files and s3:// are. Load it with `feast materialize`, and name the other views with --views.' },
    );
  }
  return findLocalFiles(source, options.repoPath);
}

async function findLocalFiles(source: ViewSource, repoPath: string): Promise<SourceFiles> {
  const { view, uri } = source;
  const path = localPath(uri, repoPath);
  const names = await namesBelow(path, view, uri);
  if (names.length === 0) throw nothingThere(view, uri);
  const found = await Promise.all(
    names.map(async (file) => ({ file, stats: (await statOf(file, view)) ?? missing(view, uri) })),
  );
  const files = found.map(({ file, stats }) => ({ name: shown(file, repoPath), path: file, bytes: stats.size }));
  return {
    format: formatOfFiles(names, source),
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    fingerprint: JSON.stringify(found.map(({ file, stats }) => [file, stats.size, stats.mtimeMs, stats.ino])),
    open: async () => files,
  };
}

function missing(view: string, uri: string): never {
  throw nothingThere(view, uri);
}

function localPath(uri: string, repoPath: string): string {
  if (uri.toLowerCase().startsWith('file://')) return fileURLToPath(uri);
  return isAbsolute(uri) ? uri : join(repoPath, uri);
}

function shown(file: string, repoPath: string): string {
  const start = `${resolve(repoPath)}/`;
  return file.startsWith(start) ? file.slice(start.length) : file;
}

async function namesBelow(path: string, view: string, uri: string): Promise<readonly string[]> {
  const stats = await statOf(path, view);
  if (stats?.isFile() === true) return [path];
  if (stats?.isDirectory() === true)
    return (await filesBelow(path, view)).filter((file) => !isMarker(file.slice(path.length)));
  if (!isGlob(path)) throw nothingThere(view, uri);
  const root = fixedPart(path);
  if ((await statOf(root, view)) === undefined) throw nothingThere(view, uri);
  const pattern = globPattern(path);
  return (await filesBelow(root, view)).filter((file) => pattern.test(file));
}

async function filesBelow(folder: string, view: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() || entry.isSymbolicLink())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (cause) {
    throw unreadable(folder, view, cause);
  }
}

async function statOf(path: string, view: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(path, view, cause);
  }
}

function unreadable(path: string, view: string, cause: unknown): MaterializeError {
  return new MaterializeError(
    'MATERIALIZE_SOURCE_UNREADABLE',
    `${path}, the source of view "${view}", cannot be read.`,
    {
      hint: 'See that this process may read it.',
      cause,
    },
  );
}
