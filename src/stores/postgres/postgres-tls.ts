import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { StoreError } from '../store-error.ts';
import type { PostgreSQLOnlineStoreConfig } from './postgres-config.ts';
import type { PostgresTlsOptions } from './postgres-driver.ts';

/**
 * Ways to connect for an `sslmode`, as libpq tries them, one after the other: `allow` starts without encryption, `prefer` falls
 * back to none, and `require` with a root certificate checks it like `verify-ca`.
 * @throws StoreError `STORE_UNAVAILABLE` for a file that cannot be read
 */
export function tlsAttempts(
  config: PostgreSQLOnlineStoreConfig,
  repoPath: string,
): readonly (PostgresTlsOptions | false)[] {
  switch (config.sslmode) {
    case 'disable':
      return [false];
    case 'allow':
      return [false, tlsOptions(config, repoPath)];
    case 'prefer':
      return [tlsOptions(config, repoPath), false];
    default:
      return [tlsOptions(config, repoPath)];
  }
}

function tlsOptions(config: PostgreSQLOnlineStoreConfig, repoPath: string): PostgresTlsOptions {
  const { sslmode } = config;
  const read = (key: 'sslrootcert_path' | 'sslcert_path' | 'sslkey_path'): Buffer | undefined => {
    const path = config[key];
    // libpq's word for the authorities that the system trusts, which are Node's default.
    if (path == null || path === '' || (key === 'sslrootcert_path' && path === 'system')) return undefined;
    const file = isAbsolute(path) ? path : join(repoPath, path);
    try {
      return readFileSync(file);
    } catch (cause) {
      throw new StoreError('STORE_UNAVAILABLE', `The file of online_store.${key} cannot be read: ${file}.`, {
        hint: 'Check the path and the permissions of the file.',
        cause,
      });
    }
  };
  const [ca, cert, key] = [read('sslrootcert_path'), read('sslcert_path'), read('sslkey_path')];
  const isVerified = sslmode.startsWith('verify') || (sslmode === 'require' && ca !== undefined);
  return {
    rejectUnauthorized: isVerified,
    ...(sslmode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  };
}
