import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { StoreError } from './store-error.ts';

/**
 * The password that a file holds, looked at anew for every connection: a secret that is swapped while the process runs is the
 * password of the connections that are made from then on. A line break at the end does not belong to it. While the file cannot be
 * read again, the password is what it was.
 *
 * @param setting its name, for the message
 * @param repoPath folder that a relative path starts from
 * @returns gives the password; throws StoreError `STORE_UNAVAILABLE` where the file could never be read
 */
export function passwordFromFile(setting: string, path: string, repoPath: string): () => string {
  const file = isAbsolute(path) ? path : join(repoPath, path);
  let last: string | undefined;
  return () => {
    try {
      last = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    } catch (cause) {
      if (last === undefined) {
        throw new StoreError('STORE_UNAVAILABLE', `The file of ${setting} cannot be read: ${file}.`, {
          hint: 'Check the path and the permissions of the file.',
          cause,
        });
      }
    }
    return last;
  };
}
