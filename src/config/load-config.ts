import { open, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { ConfigError } from './config-error.ts';
import { type FeatureStoreConfig, featureStoreConfigFromText } from './feature-store-config.ts';

/** The name that Feast gives the file. */
const CONFIG_FILE_NAME = 'feature_store.yaml';

/** Larger files are not a configuration: a path that points at the wrong file should not fill the memory. */
const MAX_CONFIG_BYTES = 1_048_576;

export interface LoadConfigOptions {
  /** The variables that `${VAR}` may name. Default: `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Reads a `feature_store.yaml`.
 * @throws ConfigError `CONFIG_NOT_FOUND` or `CONFIG_UNREADABLE` for the file, else what `featureStoreConfigFromText` throws.
 */
export async function loadFeatureStoreConfig(
  file: string,
  { env = process.env }: LoadConfigOptions = {},
): Promise<FeatureStoreConfig> {
  const shownAs = shownPath(file);
  return featureStoreConfigFromText(await readText(file, shownAs), { file, shownAs, env });
}

/**
 * The path of the `feature_store.yaml` in a feature repository's folder.
 * @throws ConfigError `CONFIG_NOT_FOUND`, with advice where the file stands close by.
 */
export async function findConfig(repoDir: string): Promise<string> {
  const file = join(repoDir, CONFIG_FILE_NAME);
  if (await exists(file)) return file;
  throw new ConfigError('CONFIG_NOT_FOUND', file, `${shownPath(file)}: there is no such file.`, {
    hint: await nearbyAdvice(repoDir),
  });
}

async function nearbyAdvice(repoDir: string): Promise<string> {
  const otherName = join(repoDir, 'feature_store.yml');
  if (await exists(otherName)) return `${shownPath(otherName)} is there: rename it, Feast does not read it either.`;
  const initFolder = join(repoDir, 'feature_repo');
  if (await exists(join(initFolder, CONFIG_FILE_NAME)))
    return `There is one in ${shownPath(initFolder)}: use that folder.`;
  return 'Name the folder that holds it with --repo, or the file itself with --config.';
}

async function readText(file: string, shownAs: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readBounded(file, shownAs);
  } catch (cause) {
    throw cause instanceof ConfigError ? cause : fileError(cause, file, shownAs);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ConfigError('CONFIG_UNREADABLE', file, `${shownAs}: the file is not UTF-8 text.`, { cause });
  }
}

async function readBounded(file: string, shownAs: string): Promise<Buffer> {
  await using handle = await open(file);
  const { size } = await handle.stat();
  if (size > MAX_CONFIG_BYTES) {
    const message = `${shownAs}: the file has ${size} bytes; a configuration has at most ${MAX_CONFIG_BYTES}.`;
    throw new ConfigError('CONFIG_UNREADABLE', file, message);
  }
  return await handle.readFile();
}

function fileError(cause: unknown, file: string, shownAs: string): ConfigError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'UNKNOWN';
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const hint = 'Name the folder that holds it with --repo, or the file itself with --config.';
    return new ConfigError('CONFIG_NOT_FOUND', file, `${shownAs}: there is no such file.`, { cause, hint });
  }
  if (code === 'EISDIR') {
    const hint = `Name the file in it, or give the folder with --repo.`;
    return new ConfigError('CONFIG_UNREADABLE', file, `${shownAs}: this is a folder, not a file.`, { cause, hint });
  }
  const reason = code === 'EACCES' ? 'this process may not read it' : `reading it failed (${code})`;
  return new ConfigError('CONFIG_UNREADABLE', file, `${shownAs}: ${reason}.`, { cause });
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

/** Relative where the file stands below the working directory, else absolute. */
export function shownPath(file: string): string {
  const inside = relative(process.cwd(), resolve(file));
  return inside === '' || inside.startsWith('..') ? resolve(file) : inside;
}
