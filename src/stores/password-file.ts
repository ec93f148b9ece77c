import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { StoreError } from './store-error.ts';

/**
 * The password that a file holds, looked at anew for every connection: a secret that is swapped while the process runs is the
 * password of the connections that are made from then on. A line break at the end does not belong to it. While the file cannot be
 * read again, the password is what it was.
 */
export class PasswordFile {
  readonly #setting: string;
  readonly #file: string;
  #last: string | undefined;
  #version = 0;

  /**
   * @param setting its name, for the message
   * @param repoPath folder that a relative path starts from
   */
  constructor(setting: string, path: string, repoPath: string) {
    this.#setting = setting;
    this.#file = isAbsolute(path) ? path : join(repoPath, path);
  }

  /** @throws StoreError `STORE_UNAVAILABLE` where the file could never be read */
  read(): string {
    let password: string;
    try {
      password = readFileSync(this.#file, 'utf8').replace(/\r?\n$/, '');
    } catch (cause) {
      if (this.#last !== undefined) return this.#last;
      throw new StoreError('STORE_UNAVAILABLE', `The file of ${this.#setting} cannot be read: ${this.#file}.`, {
        hint: 'Check the path and the permissions of the file.',
        cause,
      });
    }
    if (password !== this.#last) this.#version++;
    this.#last = password;
    return password;
  }

  /** Looks at the file. @returns another number than before where it holds another password than before */
  version(): number {
    try {
      this.read();
    } catch {
      // What cannot be read is no other password.
    }
    return this.#version;
  }
}

/**
 * Connects; once more where the server has refused the password and the file holds another one by then, because who waits for this
 * connection may have come when it did already.
 *
 * @param connect reads the password by itself
 */
export async function connectWithNewest<C>(file: PasswordFile | undefined, connect: () => Promise<C>): Promise<C> {
  const version = file?.version();
  try {
    return await connect();
  } catch (error) {
    const isRefused = error instanceof StoreError && error.code === 'STORE_AUTH_FAILED';
    if (!isRefused || file === undefined || file.version() === version) throw error;
  }
  return connect();
}
