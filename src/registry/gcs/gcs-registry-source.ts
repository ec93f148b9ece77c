import { bucketObjectFromUrl } from '../bucket-url.ts';
import { readBounded, tooLarge } from '../read-bounded.ts';
import { RegistryError } from '../registry-error.ts';
import type { LoadedRegistry, RegistryLoadOptions, RegistrySource } from '../registry-source.ts';
import { errorFromConnection, errorFromStatus, type SourceFailureOptions } from '../source-failure.ts';
import { type AuthHeaders, googleAuthHeaders } from './google-auth-headers.ts';

export interface GcsRegistrySourceOptions {
  /** `gs://BUCKET/NAME`. */
  readonly url: string;
  /** An emulator, asked without credentials: `STORAGE_EMULATOR_HOST` of Google's own libraries, with or without `http://`. */
  readonly emulatorHost?: string;
  readonly maxBytes: number;
}

/** After so many objects that were replaced between their description and their content, it is reported instead. */
const attempts = 5;

/**
 * A registry in Google Cloud Storage, read through its JSON API. Credentials are Google's application default ones. What was
 * read counts as unchanged as long as the object keeps its generation.
 */
export function createGcsRegistrySource(options: GcsRegistrySourceOptions): RegistrySource {
  const { bucket, key } = bucketObjectFromUrl(options.url);
  const { emulatorHost } = options;
  const origin = emulatorHost === undefined ? 'https://storage.googleapis.com' : originFrom(emulatorHost);
  const at = emulatorHost === undefined ? '' : ` at ${origin}`;
  const failure: SourceFailureOptions = {
    name: `registry gs://${bucket}/${key}${at}`,
    grant: `Grant storage.objects.get on it, for example by the role roles/storage.objectViewer on bucket ${bucket}.`,
    whenMissing: 'Run `feast apply`, or correct `registry` in feature_store.yaml.',
  };
  const object = `${origin}/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(key)}`;
  const headers = emulatorHost === undefined ? googleAuthHeaders(failure) : async () => ({});
  return {
    describe: () => failure.name,
    load: (loadOptions = {}) => loadObject({ object, headers, failure, maxBytes: options.maxBytes }, loadOptions),
    close: async () => {},
  };
}

function originFrom(host: string): string {
  const url = /^https?:\/\//i.test(host) ? host : `http://${host}`;
  if (!URL.canParse(url)) {
    throw new RegistryError('REGISTRY_SETTINGS_INVALID', 'STORAGE_EMULATOR_HOST is neither a host nor a URL.', {
      hint: 'It is written HOST:PORT or http://HOST:PORT.',
    });
  }
  return new URL(url).origin;
}

interface GcsObject {
  readonly object: string;
  readonly headers: AuthHeaders;
  readonly failure: SourceFailureOptions;
  readonly maxBytes: number;
}

async function loadObject(target: GcsObject, options: RegistryLoadOptions): Promise<LoadedRegistry | 'unchanged'> {
  const { object, failure, maxBytes } = target;
  try {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const described = await request(target, `${object}?fields=generation,size`, options);
      if (!described.ok) throw await refused(described, failure);
      const { generation, size } = (await described.json()) as { generation: string; size: string };
      if (generation === options.previous) return 'unchanged';
      if (Number(size) > maxBytes) throw tooLarge(failure.name, maxBytes);
      const content = await request(target, `${object}?alt=media&generation=${generation}`, options);
      if (content.status === 404) {
        // Replaced since, and the bucket keeps no older generations.
        await content.body?.cancel();
        continue;
      }
      if (!content.ok || content.body === null) throw await refused(content, failure);
      const bytes = await readBounded(content.body, maxBytes, failure.name);
      if (bytes.length === Number(size)) return { bytes, token: generation };
    }
  } catch (error) {
    throw errorFromConnection(failure.name, error);
  }
  throw new RegistryError('REGISTRY_UNREADABLE', `The ${failure.name} kept changing while it was read.`, {
    hint: 'Find out what keeps writing it.',
  });
}

async function request({ headers }: GcsObject, url: string, { signal }: RegistryLoadOptions): Promise<Response> {
  return fetch(url, { headers: await headers(url), ...(signal === undefined ? {} : { signal }) });
}

async function refused(response: Response, failure: SourceFailureOptions): Promise<RegistryError> {
  await response.body?.cancel();
  return errorFromStatus(response.status, failure);
}
