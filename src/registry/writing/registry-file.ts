import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { createFileRegistrySource } from '../file-registry-source.ts';
import { plainCause } from '../plain-cause.ts';
import { RegistryError } from '../registry-error.ts';
import { acquireRegistryLock, type RegistryLock } from './registry-lock.ts';

export interface RegistryFileOptions {
  /** Path of the file. A symbolic link is followed: the file that it leads to is replaced, not the link. */
  readonly path: string;
  /** Larger registries are not read. In bytes. */
  readonly maxBytes: number;
}

export interface RegistryUpdateOptions {
  /** How long to wait for another process that is writing, in milliseconds. Default 0. */
  readonly waitMs?: number;
  /** How often the change is made anew on what somebody without the lock, such as Feast, wrote meanwhile. Default 0. */
  readonly retries?: number;
  readonly signal?: AbortSignal;
}

/** What a change makes of a registry. */
export interface RegistryUpdate<T> {
  /** The new registry; left out where nothing is to be written. */
  readonly bytes?: Uint8Array;
  readonly result: T;
}

/** A change of a registry. `current` is `undefined` where there is no file yet. */
export type RegistryChange<T> = (current: Uint8Array | undefined) => Promise<RegistryUpdate<T>> | RegistryUpdate<T>;

/**
 * A registry file that is read, changed and written as a whole. A reader finds the old bytes or the new ones, whatever happens
 * to the writer. Two writers of Sideboard's keep apart by a lock; Feast knows no lock and is noticed by its bytes.
 */
export class RegistryFile {
  readonly path: string;
  readonly #maxBytes: number;

  constructor({ path, maxBytes }: RegistryFileOptions) {
    this.path = resolve(path);
    this.#maxBytes = maxBytes;
  }

  /**
   * The bytes of the file; `undefined` where there is none.
   * @throws RegistryError `REGISTRY_UNREADABLE`, `REGISTRY_TOO_LARGE`
   */
  async read(): Promise<Uint8Array | undefined> {
    const source = createFileRegistrySource({ path: this.path, repoPath: '/', maxBytes: this.#maxBytes });
    try {
      const loaded = await source.load();
      return loaded === 'unchanged' ? undefined : loaded.bytes;
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'REGISTRY_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /**
   * Reads the registry, changes it and writes it back, alone among the processes of Sideboard. The lock is held while the change
   * is made.
   * @returns the result of the change
   * @throws RegistryError `REGISTRY_LOCKED`, `REGISTRY_CHANGED` (somebody else wrote the file meanwhile; theirs stays),
   * `REGISTRY_WRITE_FAILED`, those of {@link read}; what the change throws
   */
  async update<T>(change: RegistryChange<T>, options: RegistryUpdateOptions = {}): Promise<T> {
    const { waitMs = 0, retries = 0, signal } = options;
    const target = await this.#target();
    await this.#guarded(() => mkdir(dirname(target), { recursive: true }));
    const lock = await this.#guarded(() =>
      acquireRegistryLock(target, { waitMs, ...(signal === undefined ? {} : { signal }) }),
    );
    try {
      await this.#guarded(() => removeLeftOver(target));
      for (let attempt = 0; ; attempt++) {
        const current = await this.read();
        const { bytes, result } = await change(current);
        if (bytes === undefined) return result;
        try {
          await this.#guarded(() => this.#write(target, current, bytes, lock));
          return result;
        } catch (error) {
          const again = error instanceof RegistryError && error.code === 'REGISTRY_CHANGED' && attempt < retries;
          if (!again) throw error;
        }
      }
    } finally {
      await lock.release();
    }
  }

  async #write(target: string, before: Uint8Array | undefined, bytes: Uint8Array, lock: RegistryLock): Promise<void> {
    const temporary = `${temporaryPrefix(target)}${randomUUID()}.tmp`;
    try {
      const file = await open(temporary, 'wx', 0o666);
      try {
        await keepOwnership(file, target);
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await lock.assertHeld();
      if (!sameBytes(before, await this.read())) throw changed(this.path);
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    const folder = await open(dirname(target), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  async #target(): Promise<string> {
    try {
      return await realpath(this.path);
    } catch {
      return this.path;
    }
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const code = error instanceof Error && 'code' in error && 'syscall' in error ? String(error.code) : undefined;
      if (code === undefined) throw error;
      throw new RegistryError('REGISTRY_WRITE_FAILED', `The registry file ${this.path} cannot be written (${code}).`, {
        hint: 'It is as it was. Check that this process may write its folder, and that the disk is not full.',
        cause: plainCause(error),
      });
    }
  }
}

/** Mode and, where it is allowed, owner stay those of the file that is replaced: Feast must be able to write it again. */
async function keepOwnership(file: FileHandle, target: string): Promise<void> {
  const old = await stat(target).catch(() => undefined);
  if (old === undefined) return;
  const own = await file.stat();
  if (own.uid !== old.uid || own.gid !== old.gid) await file.chown(old.uid, old.gid).catch(() => {});
  await file.chmod(old.mode & 0o7777);
}

/** What writers that were killed left behind: whoever holds the lock is the only one that writes. */
async function removeLeftOver(target: string): Promise<void> {
  const prefix = basename(temporaryPrefix(target));
  const folder = dirname(target);
  for (const name of await readdir(folder)) {
    if (name.startsWith(prefix) && name.endsWith('.tmp')) await rm(join(folder, name), { force: true });
  }
}

function temporaryPrefix(target: string): string {
  return `${target}.sideboard-`;
}

function sameBytes(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return Buffer.compare(left, right) === 0;
}

/** The error of a registry that is not what a change was made for. */
export function changed(path: string): RegistryError {
  return new RegistryError('REGISTRY_CHANGED', `Somebody else has written the registry file ${path} meanwhile.`, {
    hint: 'Theirs is kept and nothing was written. Run the command again.',
  });
}
