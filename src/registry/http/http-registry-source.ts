import { readBounded } from '../read-bounded.ts';
import { RegistryError } from '../registry-error.ts';
import type { LoadedRegistry, RegistryLoadOptions, RegistrySource } from '../registry-source.ts';
import { errorFromConnection, errorFromStatus, type SourceFailureOptions } from '../source-failure.ts';

export interface HttpRegistrySourceOptions {
  /** `http://` or `https://`. A user in it is sent as Basic credentials. */
  readonly url: string;
  readonly maxBytes: number;
}

/** A change within the second of another leaves Last-Modified as it is: only a date this much in the past counts. */
const settledAfterMs = 2_000;

/**
 * A registry behind a URL. It is asked for conditionally: by its ETag, or else by its Last-Modified, so that an unchanged one
 * costs a 304.
 */
export function createHttpRegistrySource(options: HttpRegistrySourceOptions): RegistrySource {
  const { url, headers } = requestFrom(options.url);
  const name = `registry ${new URL(url).origin}${new URL(url).pathname}`;
  const failure: SourceFailureOptions = {
    name,
    grant: 'Allow the sidecar to GET it, or put user and password, taken from variables, into the URL.',
    whenMissing: 'Correct `registry` in feature_store.yaml, or publish the registry there.',
  };
  return {
    describe: () => name,
    load: (loadOptions = {}) => loadUrl(url, headers, failure, options.maxBytes, loadOptions),
    close: async () => {},
  };
}

function requestFrom(text: string): { url: string; headers: Readonly<Record<string, string>> } {
  if (!URL.canParse(text)) {
    throw new RegistryError('REGISTRY_SETTINGS_INVALID', 'The URL of the registry is not valid.', {
      hint: 'It is written https://host/path; special characters of a password are percent-encoded.',
    });
  }
  const url = new URL(text);
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  const credentials = Buffer.from(`${user}:${password}`).toString('base64');
  return { url: url.href, headers: user + password === '' ? {} : { authorization: `Basic ${credentials}` } };
}

async function loadUrl(
  url: string,
  headers: Readonly<Record<string, string>>,
  failure: SourceFailureOptions,
  maxBytes: number,
  { signal, previous }: RegistryLoadOptions,
): Promise<LoadedRegistry | 'unchanged'> {
  try {
    const response = await fetch(url, {
      headers: { ...headers, ...conditionFrom(previous) },
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.status === 304 && previous !== undefined) {
      await response.body?.cancel();
      return 'unchanged';
    }
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw errorFromStatus(response.status, failure);
    }
    const bytes = await readBounded(response.body, maxBytes, failure.name);
    const token = tokenFrom(response.headers);
    return token === undefined ? { bytes } : { bytes, token };
  } catch (error) {
    throw errorFromConnection(failure.name, error);
  }
}

function conditionFrom(token: string | undefined): Readonly<Record<string, string>> {
  if (token === undefined) return {};
  const value = token.slice(token.indexOf(' ') + 1);
  return token.startsWith('etag ') ? { 'if-none-match': value } : { 'if-modified-since': value };
}

function tokenFrom(headers: Headers): string | undefined {
  const etag = headers.get('etag');
  if (etag !== null) return `etag ${etag}`;
  const modified = headers.get('last-modified');
  if (modified === null) return undefined;
  const age = Date.parse(headers.get('date') ?? '') - Date.parse(modified);
  return age >= settledAfterMs ? `modified ${modified}` : undefined;
}
