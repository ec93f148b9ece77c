import type { SecureContextOptions } from 'node:tls';
import { TransportError } from '../transport-error.ts';
import { WatchedFiles } from '../watched-files.ts';
import { type TlsMaterial, tlsMaterialFrom } from './tls-material.ts';

/** Where certificates are, and who may connect. Paths are absolute. */
export interface TlsOptions {
  readonly certFile: string;
  readonly keyFile: string;
  /** Authorities of clients' certificates: with it, a client needs one. */
  readonly clientCaFile: string | undefined;
  /** Names of clients: a client's certificate has to have one of them. Empty: any name. */
  readonly clientNames: readonly string[];
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

export interface TlsEvents {
  /** Other certificates are served from now on. */
  readonly onReload?: (validTo: Date) => void;
  /** Changed files cannot be used: the certificates before them stay. Told once for each change. */
  readonly onReloadFailed?: (error: unknown) => void;
  /** Told of every client that did not get through the handshake. */
  readonly onRefused?: (error: TransportError) => void;
  /** The certificate that is served has ended while it was served. */
  readonly onExpired?: (validTo: Date) => void;
  /** How often the files are looked at, in milliseconds. */
  readonly lookMs?: number;
  /** Milliseconds since the Unix epoch. */
  readonly now?: () => number;
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The certificates that are served now. Connections that stand keep those with which they began. */
export class TlsContext {
  readonly options: TlsOptions;
  readonly #files: WatchedFiles;
  readonly #events: TlsEvents;
  readonly #users = new Set<TlsUser>();
  #material: TlsMaterial;
  #expiry: NodeJS.Timeout | undefined;

  private constructor(options: TlsOptions, events: TlsEvents, files: WatchedFiles, material: TlsMaterial) {
    this.options = options;
    this.#events = events;
    this.#files = files;
    this.#material = material;
    this.#awaitExpiry();
  }

  /** @throws TransportError `TLS_FILE_UNREADABLE`, `TLS_MATERIAL_INVALID` */
  static async open(options: TlsOptions, events: TlsEvents = {}): Promise<TlsContext> {
    const { certFile, keyFile, clientCaFile } = options;
    const paths = [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])];
    let context: TlsContext | undefined;
    const files = await WatchedFiles.open(paths, {
      onChange: (contents) => {
        if (context !== undefined) context.#reload(contents);
      },
      onError: (cause) => events.onReloadFailed?.(unreadable(cause)),
      ...(events.lookMs === undefined ? {} : { lookMs: events.lookMs }),
    }).catch((cause: unknown) => {
      throw unreadable(cause);
    });
    try {
      context = new TlsContext(options, events, files, materialFrom(files.contents));
      return context;
    } catch (error) {
      files.close();
      throw error;
    }
  }

  get current(): SecureContextOptions {
    return this.#material.context;
  }

  /** When the server's certificate ends. */
  get validTo(): Date {
    return new Date(this.#material.validTo);
  }

  /** Tells a server of changes, and of the end. */
  attach(user: TlsUser): void {
    this.#users.add(user);
  }

  /** A client did not get through. */
  refused(error: TransportError): void {
    this.#events.onRefused?.(error);
  }

  /** Looks at the files now. */
  look(): Promise<void> {
    return this.#files.look();
  }

  /** Ends handshakes under way and takes no more. Connections that stand are not touched. */
  close(): void {
    this.#files.close();
    clearTimeout(this.#expiry);
    for (const user of this.#users) user.close();
  }

  #reload(contents: readonly Buffer[]): void {
    const events = this.#events;
    try {
      this.#material = materialFrom(contents);
    } catch (error) {
      events.onReloadFailed?.(error);
      return;
    }
    for (const user of this.#users) user.changed(this.#material.context);
    this.#awaitExpiry();
    events.onReload?.(this.validTo);
  }

  /** Of a certificate that has ended already whoever opens it is told. */
  #awaitExpiry(): void {
    const { now = Date.now, onExpired } = this.#events;
    clearTimeout(this.#expiry);
    const left = this.#material.validTo - now();
    if (!(left > 0)) return;
    const look = (): void => {
      if (now() < this.#material.validTo) this.#awaitExpiry();
      else onExpired?.(this.validTo);
    };
    this.#expiry = setTimeout(look, Math.min(left, LONGEST_TIMER_MS)).unref();
  }
}

/** What serves by a {@link TlsContext}. */
export interface TlsUser {
  changed(context: SecureContextOptions): void;
  close(): void;
}

function materialFrom([cert, key, clientCa]: readonly Buffer[]): TlsMaterial {
  return tlsMaterialFrom({ cert: cert ?? Buffer.alloc(0), key: key ?? Buffer.alloc(0), clientCa });
}

function unreadable(cause: unknown): TransportError {
  const { code, path } = cause as NodeJS.ErrnoException;
  return new TransportError(
    'TLS_FILE_UNREADABLE',
    `A file of sideboard.grpc.tls cannot be read: ${path ?? ''} (${code}).`,
    {
      hint: 'Check the path and the permissions of the file.',
      cause,
    },
  );
}
