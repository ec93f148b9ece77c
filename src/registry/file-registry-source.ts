import type { BigIntStats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tooLarge } from './read-bounded.ts';
import { RegistryError } from './registry-error.ts';
import type { LoadedRegistry, RegistryLoadOptions, RegistrySource } from './registry-source.ts';

export interface FileRegistrySourceOptions {
  /** `registry.path` of `feature_store.yaml`: absolute, or relative to `repoPath`. */
  readonly path: string;
  /** Absolute folder of `feature_store.yaml`. */
  readonly repoPath: string;
  readonly maxBytes: number;
  /** How long the file must have stayed the same before it is taken for whole, in milliseconds. Default 50. */
  readonly settleMs?: number;
}

/** After so many readings during each of which the file changed, it is reported instead. */
const attempts = 20;

/**
 * A registry file on disk. Feast truncates the file and writes it in place, so that a reader may meet it half-written: what
 * was read counts only when size, times and inode were the same before and after, and the last change is not too recent.
 */
export function createFileRegistrySource(options: FileRegistrySourceOptions): RegistrySource {
  const { path, repoPath, maxBytes, settleMs = 50 } = options;
  const file = resolve(repoPath, path);
  return {
    describe: () => `registry file ${file}`,
    load: (loadOptions = {}) => loadFile(file, maxBytes, settleMs, loadOptions),
    close: async () => {},
  };
}

async function loadFile(
  file: string,
  maxBytes: number,
  settleMs: number,
  options: RegistryLoadOptions,
): Promise<LoadedRegistry | 'unchanged'> {
  const abort = options.signal === undefined ? {} : { signal: options.signal };
  try {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const before = await stat(file, { bigint: true });
      const token = tokenFromStats(before);
      if (token === options.previous) return 'unchanged';
      if (before.isFile() && before.size > maxBytes) throw tooLarge(`registry file ${file}`, maxBytes);
      const bytes = await readFile(file, abort);
      if (!isSettled(before, settleMs)) await sleep(settleMs, undefined, abort);
      const after = await stat(file, { bigint: true });
      if (tokenFromStats(after) === token && after.size === BigInt(bytes.length)) return { bytes, token };
    }
  } catch (error) {
    if (error instanceof RegistryError) throw error;
    throw errorFromFailure(file, error);
  }
  throw new RegistryError('REGISTRY_UNREADABLE', `The registry file ${file} kept changing while it was read.`, {
    hint: 'Find out what keeps writing it.',
  });
}

/** Change time is included: it also tells a file that was replaced by one of the same size and modification time. */
function tokenFromStats(stats: BigIntStats): string {
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join('-');
}

/** A time ahead of this machine's clock says nothing about age. */
function isSettled(stats: BigIntStats, settleMs: number): boolean {
  const age = Date.now() - Math.max(Number(stats.mtimeMs), Number(stats.ctimeMs));
  return age > settleMs;
}

function errorFromFailure(file: string, error: unknown): RegistryError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new RegistryError('REGISTRY_NOT_FOUND', `There is no registry file ${file}.`, {
      hint: 'Run `sideboard apply` or `feast apply` in the feature repository, or correct `registry` in feature_store.yaml.',
      cause: error,
    });
  }
  return new RegistryError(
    'REGISTRY_UNREADABLE',
    `The registry file ${file} cannot be read (${String(code ?? 'unknown')}).`,
    {
      hint: 'Check that it is a file and that this process may read it and the folders above it.',
      cause: error,
    },
  );
}
