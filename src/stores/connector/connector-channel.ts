import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ChannelCredentials, ChannelOptions, Client, Metadata, ServiceError } from '@grpc/grpc-js';
import { type TraceContext, traceHeaders } from '../../encoding/trace-context.ts';
import { timeLeft } from '../call-limits.ts';
import type { CallOptions } from '../online-store.ts';
import { PasswordFile } from '../password-file.ts';
import { StoreError } from '../store-error.ts';
import type { ConnectorOnlineStoreConfig, ConnectorOnlineStoreSettings } from './connector-config.ts';

const FIRST_RECONNECT_MS = 100;
/** How long a token is used before its file is looked at again. */
const TOKEN_LOOK_MS = 5_000;

interface Connected {
  readonly client: Client;
  /** What is said with every call: who asks, and the trace that it belongs to. */
  readonly metadata: (trace: TraceContext | undefined) => Metadata;
}

/** A channel to the store process. The gRPC library is loaded, and the connection made, with the first call. */
export class ConnectorChannel {
  readonly #config: ConnectorOnlineStoreConfig;
  readonly #settings: ConnectorOnlineStoreSettings;
  readonly #repoPath: string;
  #connected: Promise<Connected> | undefined;
  #closed = false;

  constructor(config: ConnectorOnlineStoreConfig, settings: ConnectorOnlineStoreSettings, repoPath: string) {
    this.#config = Object.freeze({ ...config });
    this.#settings = Object.freeze({ ...settings });
    this.#repoPath = repoPath;
  }

  get address(): string {
    return this.#config.address;
  }

  /** @throws StoreError `STORE_CLOSED` */
  assertOpen(): void {
    if (this.#closed) throw new StoreError('STORE_CLOSED', `The connection to ${this.address} was closed.`);
  }

  /**
   * One unary call. It ends with the caller's deadline, its signal or `call_timeout_ms`, whichever is first, and is then
   * cancelled at the other end too.
   * @throws ServiceError of the gRPC library, StoreError `STORE_TIMEOUT` for a caller that went away, `STORE_UNAVAILABLE` for a file that
   * cannot be read
   */
  async call(path: string, request: Uint8Array, options: CallOptions | undefined): Promise<Uint8Array> {
    const { client, metadata } = await this.#open();
    this.assertOpen();
    const deadline = Date.now() + timeLeft(options, this.#settings.call_timeout_ms);
    const signal = options?.signal;
    return new Promise((settle, reject) => {
      const onAbort = (): void => {
        call.cancel();
        reject(new StoreError('STORE_TIMEOUT', `The caller went away while waiting for ${this.address}.`));
      };
      const call = client.makeUnaryRequest(
        path,
        (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
        (bytes: Buffer) => bytes,
        request,
        metadata(options?.trace),
        { deadline },
        (error: ServiceError | null, answer?: Buffer) => {
          signal?.removeEventListener('abort', onAbort);
          if (error !== null) reject(error);
          else settle(answer ?? new Uint8Array());
        },
      );
      if (signal?.aborted === true) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const connected = await this.#connected?.catch(() => undefined);
    connected?.client.close();
  }

  #open(): Promise<Connected> {
    this.#connected ??= this.#connect().catch((error: unknown) => {
      // A file that is missing now may be there for the next call.
      this.#connected = undefined;
      throw error;
    });
    return this.#connected;
  }

  async #connect(): Promise<Connected> {
    const { Client, Metadata, credentials } = await import('@grpc/grpc-js');
    const caller = this.#metadataBy(() => new Metadata());
    const metadata = (trace: TraceContext | undefined): Metadata => {
      const headers = traceHeaders(trace);
      if (headers.length === 0) return caller();
      const traced = caller().clone();
      for (const [name, value] of headers) traced.set(name, value);
      return traced;
    };
    const { tls, server_name: name, address } = this.#config;
    const secure = async (): Promise<ChannelCredentials> => {
      const [ca, key, cert] = await Promise.all([
        this.#file('ca_cert'),
        this.#file('client_key'),
        this.#file('client_cert'),
      ]);
      return credentials.createSsl(ca, key, cert);
    };
    const options: ChannelOptions = {
      'grpc.max_receive_message_length': this.#settings.max_message_bytes,
      'grpc.max_send_message_length': -1,
      'grpc.keepalive_time_ms': this.#settings.keep_alive_ms,
      'grpc.initial_reconnect_backoff_ms': FIRST_RECONNECT_MS,
      'grpc.min_reconnect_backoff_ms': FIRST_RECONNECT_MS,
      'grpc.max_reconnect_backoff_ms': this.#settings.reconnect_max_delay_ms,
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_channelz': 0,
      // Two stores must not share a connection: closing one would not close it.
      'grpc.use_local_subchannel_pool': 1,
      ...(name !== undefined && { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name }),
    };
    const target = address.startsWith('unix:')
      ? `unix:${resolve(this.#repoPath, address.slice('unix:'.length).replace(/^\/\/(?=\/)/, ''))}`
      : address;
    return { client: new Client(target, tls ? await secure() : credentials.createInsecure(), options), metadata };
  }

  /** @throws StoreError `STORE_UNAVAILABLE` where there is to be a token, and its file cannot be read */
  #metadataBy(create: () => Metadata): () => Metadata {
    const { token_file: path } = this.#settings;
    let metadata = create();
    if (path === undefined) return () => metadata;
    const token = new PasswordFile('sideboard.connector.token_file', path, this.#repoPath);
    let lookAgainAt = Number.NEGATIVE_INFINITY;
    const current = (): Metadata => {
      const now = Date.now();
      if (now < lookAgainAt) return metadata;
      const changed = create();
      changed.set('authorization', `Bearer ${token.read().trim()}`);
      metadata = changed;
      lookAgainAt = now + TOKEN_LOOK_MS;
      return metadata;
    };
    current();
    return current;
  }

  async #file(key: 'ca_cert' | 'client_cert' | 'client_key'): Promise<Buffer | null> {
    const path = this.#config[key];
    if (path === undefined) return null;
    try {
      return await readFile(resolve(this.#repoPath, path));
    } catch (cause) {
      throw new StoreError('STORE_UNAVAILABLE', `online_store.${key} cannot be read: ${path}.`, { cause });
    }
  }
}
