import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { rootCertificates } from 'node:tls';
import {
  type ChannelCredentials,
  Client,
  type ClientOptions,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { traceHeaders } from '../../encoding/trace-context.ts';
import { plainCause } from '../plain-cause.ts';
import { tooLarge } from '../read-bounded.ts';
import { RegistryError } from '../registry-error.ts';
import type { LoadedRegistry, RegistryLoadOptions, RegistrySource } from '../registry-source.ts';
import { type RemoteCall, readProject } from './read-project.ts';
import type { RegistryToken } from './registry-token.ts';

export interface RemoteRegistrySourceOptions {
  /** `HOST:PORT`, as gRPC names a server. */
  readonly address: string;
  readonly project: string;
  /** Absent: no TLS. */
  readonly tls?: RemoteRegistryTls;
  /** The bearer token to send, asked for with each reading. */
  readonly token?: RegistryToken;
  readonly maxBytes: number;
}

export interface RemoteRegistryTls {
  /** File of the certificates to trust; those that Node brings where it is missing. */
  readonly ca?: string;
  /** Files of the client's certificate and key. */
  readonly cert?: string;
  readonly key?: string;
  /** Name to expect in the server's certificate, where the address has another. */
  readonly authority?: string;
  /** Folder from which relative paths start. */
  readonly repoPath: string;
}

/** How many rounds may differ from the one before, because the registry changes meanwhile. */
const rounds = 6;

/**
 * One project of Feast's registry server (`feast serve_registry`), asked for by its lists. Its call `Proto` brings everything at once,
 * but without the projects of the objects, and fails for one function whose modules the server does not have. What the
 * lists gave counts only when asking once more gives the same: each list may come from another moment.
 */
export function createRemoteRegistrySource(options: RemoteRegistrySourceOptions): RegistrySource {
  const name = `registry server ${options.address}`;
  return {
    describe: () => name,
    async load(loadOptions = {}) {
      const metadata = new Metadata();
      for (const [header, value] of traceHeaders(loadOptions.trace)) metadata.set(header, value);
      const token = await options.token?.();
      if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
      // One connection for each reading: it knows no pause after a failure, and takes certificates that were renewed.
      const client = await openClient(name, options);
      try {
        const call = remoteCall(client, metadata, name, options, loadOptions);
        return await readTwice(call, name, options, loadOptions.previous);
      } finally {
        client.close();
      }
    },
    close: async () => {},
  };
}

async function readTwice(
  call: RemoteCall,
  name: string,
  { project, maxBytes }: RemoteRegistrySourceOptions,
  previous: string | undefined,
): Promise<LoadedRegistry | 'unchanged'> {
  let last: string | undefined;
  for (let round = 0; round < rounds; round++) {
    const bytes = await readProject(call, name, project);
    if (bytes.length > maxBytes) throw tooLarge(name, maxBytes);
    const digest = hash('sha256', bytes);
    if (digest === previous) return 'unchanged';
    if (digest === last) return { bytes, token: digest };
    last = digest;
  }
  throw new RegistryError('REGISTRY_UNREADABLE', `The ${name} kept changing while it was read.`, {
    hint: 'Find out what keeps writing to it.',
  });
}

async function openClient(name: string, { address, tls, maxBytes }: RemoteRegistrySourceOptions): Promise<Client> {
  const options: ClientOptions = {
    'grpc.max_receive_message_length': maxBytes,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    ...(tls?.authority === undefined
      ? {}
      : { 'grpc.default_authority': tls.authority, 'grpc.ssl_target_name_override': tls.authority }),
  };
  return new Client(address, tls === undefined ? credentials.createInsecure() : await tlsFrom(name, tls), options);
}

async function tlsFrom(name: string, { ca, cert, key, repoPath }: RemoteRegistryTls): Promise<ChannelCredentials> {
  const read = async (file: string | undefined): Promise<Buffer | null> =>
    file === undefined ? null : readFile(resolve(repoPath, file));
  try {
    const [roots, chain, secret] = await Promise.all([read(ca), read(cert), read(key)]);
    return credentials.createSsl(roots ?? Buffer.from(rootCertificates.join('\n')), secret, chain);
  } catch (error) {
    throw new RegistryError('REGISTRY_SETTINGS_INVALID', `The certificates for the ${name} cannot be used.`, {
      hint: 'Check that registry.cert, client_cert and client_key name PEM files that this process may read.',
      cause: plainCause(error),
    });
  }
}

function remoteCall(
  client: Client,
  metadata: Metadata,
  name: string,
  { project, maxBytes }: RemoteRegistrySourceOptions,
  { signal }: RegistryLoadOptions,
): RemoteCall {
  return (method, request) =>
    new Promise((resolveCall, reject) => {
      const call = client.makeUnaryRequest<Uint8Array, Buffer>(
        `/feast.registry.RegistryServer/${method}`,
        (bytes) => Buffer.from(bytes),
        (bytes) => bytes,
        request,
        metadata,
        (error, bytes) => {
          signal?.removeEventListener('abort', cancel);
          if (error === null) resolveCall(bytes ?? Buffer.alloc(0));
          else if (error.code === status.UNIMPLEMENTED) resolveCall(undefined);
          else reject(errorFromCall(error, name, project, maxBytes));
        },
      );
      const cancel = (): void => call.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      if (signal?.aborted === true) cancel();
    });
}

function errorFromCall(error: ServiceError, name: string, project: string, maxBytes: number): RegistryError {
  const cause = plainCause(error);
  switch (error.code) {
    case status.UNAUTHENTICATED:
    case status.PERMISSION_DENIED:
      return new RegistryError('REGISTRY_ACCESS_DENIED', `The ${name} refused the sidecar (${status[error.code]}).`, {
        hint: `Set auth in feature_store.yaml, and grant the sidecar's role DESCRIBE on project ${project} and what is in it.`,
        cause,
      });
    case status.RESOURCE_EXHAUSTED:
      return tooLarge(name, maxBytes);
    default:
      return new RegistryError('REGISTRY_UNREADABLE', `The ${name} cannot be read (${status[error.code]}).`, {
        hint: 'Check that `feast serve_registry` runs at registry.path, with or without TLS as is_tls says; its log has more.',
        cause,
      });
  }
}
