import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { bucketObjectFromUrl } from '../bucket-url.ts';
import { loadOptionalPackage } from '../optional-package.ts';
import { plainCause } from '../plain-cause.ts';
import { readBounded } from '../read-bounded.ts';
import { RegistryError } from '../registry-error.ts';
import type { LoadedRegistry, RegistryLoadOptions, RegistrySource } from '../registry-source.ts';
import { errorFromConnection, errorFromStatus, type SourceFailureOptions } from '../source-failure.ts';

export interface S3RegistrySourceOptions {
  /** `s3://BUCKET/KEY`. */
  readonly url: string;
  /** Another server than AWS; buckets are then asked for by path, not by host name. */
  readonly endpointUrl?: string;
  readonly maxBytes: number;
}

const connectTimeoutMs = 5_000;
/** Between two packets; the whole reading is bounded by the caller's signal. */
const idleTimeoutMs = 20_000;
const attempts = 3;

/** Where nothing names a region: S3 answers there for every bucket and says where it really is. */
const fallbackRegion = 'us-east-1';

/**
 * A registry in S3, or in what speaks like it. Credentials are found as the AWS SDK finds them: environment, shared files,
 * web identity, container and instance roles. It is asked for with `If-None-Match`.
 */
export function createS3RegistrySource(options: S3RegistrySourceOptions): RegistrySource {
  const { bucket, key } = bucketObjectFromUrl(options.url);
  const at = options.endpointUrl === undefined ? '' : ` at ${options.endpointUrl}`;
  const failure: SourceFailureOptions = {
    name: `registry s3://${bucket}/${key}${at}`,
    grant: `Grant s3:GetObject on arn:aws:s3:::${bucket}/${key}; with s3:ListBucket on the bucket a missing key is told apart.`,
    whenMissing: 'Run `feast apply`, or correct `registry` in feature_store.yaml.',
  };
  let client: Promise<S3Client> | undefined;
  return {
    describe: () => failure.name,
    async load(loadOptions = {}) {
      client ??= openClient(options.endpointUrl);
      // A package that was missing may be there for the next attempt of a running process.
      client.catch(() => {
        client = undefined;
      });
      return loadObject(await client, { bucket, key }, failure, options.maxBytes, loadOptions);
    },
    async close() {
      const opened = await client?.catch(() => undefined);
      opened?.destroy();
    },
  };
}

function loadSdk() {
  return loadOptionalPackage('@aws-sdk/client-s3', 'A registry in S3', () => import('@aws-sdk/client-s3'));
}

async function openClient(endpointUrl: string | undefined): Promise<S3Client> {
  const { S3Client } = await loadSdk();
  const config: S3ClientConfig = {
    maxAttempts: attempts,
    followRegionRedirects: true,
    requestHandler: { connectionTimeout: connectTimeoutMs, socketTimeout: idleTimeoutMs },
    ...(endpointUrl === undefined ? {} : { endpoint: endpointUrl, forcePathStyle: true }),
  };
  const region = process.env.AWS_REGION || process.env.AWS_DEFAULT_REGION;
  const client = new S3Client(region ? { ...config, region } : config);
  try {
    await client.config.region();
    return client;
  } catch {
    client.destroy();
    return new S3Client({ ...config, region: fallbackRegion });
  }
}

async function loadObject(
  client: S3Client,
  { bucket, key }: { readonly bucket: string; readonly key: string },
  failure: SourceFailureOptions,
  maxBytes: number,
  { signal, previous }: RegistryLoadOptions,
): Promise<LoadedRegistry | 'unchanged'> {
  const { GetObjectCommand } = await loadSdk();
  try {
    const command = new GetObjectCommand({ Bucket: bucket, Key: key, IfNoneMatch: previous });
    const answer = await client.send(command, signal === undefined ? {} : { abortSignal: signal });
    if (answer.Body === undefined) throw errorFromStatus(204, failure);
    const bytes = await readBounded(answer.Body as unknown as AsyncIterable<Uint8Array>, maxBytes, failure.name);
    if (answer.ContentLength !== undefined && answer.ContentLength !== bytes.length) {
      throw errorFromConnection(failure.name, new Error('the body ended early'));
    }
    return answer.ETag === undefined ? { bytes } : { bytes, token: answer.ETag };
  } catch (error) {
    if (previous !== undefined && statusOf(error) === 304) return 'unchanged';
    throw errorFromSdk(error, failure);
  }
}

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined;
  const { $metadata: metadata } = error;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

function errorFromSdk(error: unknown, failure: SourceFailureOptions): RegistryError {
  if (error instanceof RegistryError) return error;
  const name = error instanceof Error ? error.name : '';
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
    return new RegistryError('REGISTRY_ACCESS_DENIED', `There are no AWS credentials for the ${failure.name}.`, {
      hint: `Give the pod a role (IRSA, EKS Pod Identity), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. ${failure.grant}`,
      cause: plainCause(error),
    });
  }
  const status = statusOf(error);
  return status === undefined ? errorFromConnection(failure.name, error) : errorFromStatus(status, failure, error);
}
