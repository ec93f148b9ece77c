import { RegistryError } from './registry-error.ts';

export interface BucketObject {
  readonly bucket: string;
  readonly key: string;
}

/**
 * Bucket and key of `s3://bucket/key` or `gs://bucket/key`, read as Feast reads it: everything behind the slash, without
 * percent-decoding, is the key.
 * @throws RegistryError `REGISTRY_SETTINGS_INVALID`
 */
export function bucketObjectFromUrl(url: string): BucketObject {
  const [, scheme = '', bucket = '', path = ''] = /^([a-z0-9]+):\/\/([^/]*)\/*(.*)$/is.exec(url) ?? [];
  if (bucket === '' || path === '' || bucket.includes('@')) {
    throw new RegistryError('REGISTRY_SETTINGS_INVALID', `The ${scheme}:// URL of the registry is not complete.`, {
      hint: `It is written ${scheme}://BUCKET/KEY, such as ${scheme}://features/prod/registry.db, without a user.`,
    });
  }
  return { bucket, key: path };
}
