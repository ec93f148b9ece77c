import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { MaterializeError } from '../materialize-error.ts';
import { fixedPart, globPattern, isGlob } from './glob.ts';
import { loadOptionalPackage } from './optional-package.ts';
import { formatOfFiles, isMarker, nothingThere, type SourceFile, type SourceFiles } from './source-file.ts';
import type { ViewSource } from './view-source.ts';

interface S3Object {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
}

interface Place {
  readonly bucket: string;
  readonly key: string;
  readonly view: string;
  readonly endpoint: string;
}

const connectTimeoutMs = 5_000;
/** Between two packets. */
const idleTimeoutMs = 30_000;
const attempts = 4;
/** Where nothing names a region: S3 answers there for every bucket and says where it really is. */
const fallbackRegion = 'us-east-1';

/**
 * The files of a source in S3, or in what speaks like it: an object, everything below a prefix, or a pattern. Credentials are
 * found as the AWS SDK finds them. They are listed at once and downloaded, piece by piece, when they are opened.
 * @throws MaterializeError `MATERIALIZE_SOURCE_MISSING`, `MATERIALIZE_SOURCE_UNREADABLE`, `MATERIALIZE_PACKAGE_MISSING`
 */
export async function findS3Files(source: ViewSource, downloadFolder: string): Promise<SourceFiles> {
  const { view, uri } = source;
  const [, bucket = '', key = ''] = /^s3a?:\/\/([^/]*)\/*(.*)$/is.exec(uri) ?? [];
  if (bucket === '' || key === '' || bucket.includes('@')) {
    throw new MaterializeError('MATERIALIZE_SOURCE_UNSUPPORTED', `The s3:// URL of view "${view}" is not complete.`, {
      hint: 'It is written s3://BUCKET/KEY, such as s3://features/driver/*.parquet, without a user.',
    });
  }
  const endpoint = source.s3Endpoint || process.env.FEAST_S3_ENDPOINT_URL || '';
  const place: Place = { bucket, key, view, endpoint };
  const objects = await withClient(place, (client) => listObjects(client, place));
  if (objects.length === 0) throw nothingThere(view, uri);
  return {
    format: formatOfFiles(
      objects.map((object) => object.key),
      source,
    ),
    bytes: objects.reduce((sum, object) => sum + object.bytes, 0),
    fingerprint: JSON.stringify([endpoint, bucket, objects]),
    open: (signal) => withClient(place, (client) => download(client, place, objects, downloadFolder, signal)),
  };
}

function loadSdk() {
  return loadOptionalPackage('@aws-sdk/client-s3', 'A source in S3', () => import('@aws-sdk/client-s3'));
}

async function withClient<T>(place: Place, work: (client: S3Client) => Promise<T>): Promise<T> {
  const { S3Client } = await loadSdk();
  const config: S3ClientConfig = {
    maxAttempts: attempts,
    followRegionRedirects: true,
    requestHandler: { connectionTimeout: connectTimeoutMs, socketTimeout: idleTimeoutMs },
    ...(place.endpoint === '' ? {} : { endpoint: place.endpoint, forcePathStyle: true }),
  };
  const region = process.env.AWS_REGION || process.env.AWS_DEFAULT_REGION || fallbackRegion;
  const client = new S3Client({ ...config, region });
  try {
    return await work(client);
  } catch (error) {
    throw errorFromSdk(error, place);
  } finally {
    client.destroy();
  }
}

async function listObjects(client: S3Client, { bucket, key }: Place): Promise<readonly S3Object[]> {
  const { paginateListObjectsV2 } = await loadSdk();
  const wanted = matcher(key);
  const objects: S3Object[] = [];
  const Prefix = isGlob(key) ? fixedPart(key) : key;
  for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix })) {
    for (const { Key, Size, ETag } of page.Contents ?? []) {
      if (Key !== undefined && wanted(Key)) objects.push({ key: Key, bytes: Size ?? 0, etag: ETag ?? '' });
    }
  }
  return objects.sort((a, b) => (a.key < b.key ? -1 : 1));
}

function matcher(key: string): (candidate: string) => boolean {
  if (isGlob(key)) {
    const pattern = globPattern(key);
    return (candidate) => pattern.test(candidate);
  }
  const folder = key.endsWith('/') ? key : `${key}/`;
  return (candidate) =>
    candidate === key ||
    (candidate.startsWith(folder) && !candidate.endsWith('/') && !isMarker(candidate.slice(folder.length)));
}

async function download(
  client: S3Client,
  place: Place,
  objects: readonly S3Object[],
  folder: string,
  signal: AbortSignal,
): Promise<readonly SourceFile[]> {
  const { GetObjectCommand } = await loadSdk();
  await mkdir(folder, { recursive: true });
  const files: SourceFile[] = [];
  for (const { key, bytes, etag } of objects) {
    const name = `s3://${place.bucket}/${key}`;
    const digest = createHash('sha256').update(name).digest('hex').slice(0, 32);
    const path = join(folder, `${digest}${/\.gz$/i.test(key) ? '.gz' : ''}`);
    const answer = await client.send(
      new GetObjectCommand({ Bucket: place.bucket, Key: key, ...(etag === '' ? {} : { IfMatch: etag }) }),
      { abortSignal: signal },
    );
    const body = answer.Body as unknown as AsyncIterable<Uint8Array>;
    const file = createWriteStream(path);
    await pipeline(Readable.from(body), file, { signal });
    if (file.bytesWritten !== bytes) throw new Error('the body ended early');
    files.push({ name, path, bytes });
  }
  return files;
}

function errorFromSdk(error: unknown, { bucket, key, view, endpoint }: Place): unknown {
  if (error instanceof MaterializeError || (error instanceof Error && error.name === 'AbortError')) return error;
  const name = error instanceof Error ? error.name : '';
  const at = endpoint === '' ? '' : ` at ${endpoint}`;
  const what = `s3://${bucket}/${key}${at}, the source of view "${view}",`;
  const grant = `Grant s3:ListBucket on arn:aws:s3:::${bucket} and s3:GetObject on what is below it.`;
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
    return new MaterializeError(
      'MATERIALIZE_SOURCE_UNREADABLE',
      `${what} cannot be read: there are no AWS credentials.`,
      {
        hint: `Give the pod a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. ${grant}`,
        cause: error,
      },
    );
  }
  if (name === 'NoSuchBucket') return nothingThere(view, `s3://${bucket}/${key}`);
  const changed = name === 'PreconditionFailed' || name === 'NoSuchKey';
  return new MaterializeError(
    'MATERIALIZE_SOURCE_UNREADABLE',
    `${what} ${changed ? 'changed while it was read' : 'cannot be read'}.`,
    {
      hint: changed ? 'Run it again.' : grant,
      cause: error,
    },
  );
}
