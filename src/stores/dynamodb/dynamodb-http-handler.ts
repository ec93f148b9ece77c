import * as http from 'node:http';
import * as https from 'node:https';
import { crc32 } from 'node:zlib';

/** What the SDK hands over: a request that is signed already. */
interface SignedRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

interface HandlerOptions {
  readonly abortSignal?: AbortSignal;
  readonly take?: (body: Buffer) => void;
}

interface SdkResponse {
  readonly response: {
    readonly statusCode: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array;
  };
}

export interface DynamoHttpOptions {
  readonly maxConnections: number;
  /** How long an idle connection is kept, in milliseconds. */
  readonly keepAliveMs: number;
  readonly connectTimeoutMs: number;
  /** From sending a request to its answer's last byte, in milliseconds. */
  readonly requestTimeoutMs: number;
}

/** What goes wrong on the way to DynamoDB and back, as opposed to what DynamoDB answers. */
export class DynamoTransportError extends Error {
  /**
   * Of the system or Node: `ECONNREFUSED`, `CERT_HAS_EXPIRED`; `ETIMEDOUT` for a limit of our own, `ECHECKSUM` and `HTTP_502`
   * for an answer that cannot be DynamoDB's.
   */
  readonly code: string;
  /** Whether a connection stood. */
  readonly connected: boolean;

  constructor(message: string, code: string, connected: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'DynamoTransportError';
    this.code = code;
    this.connected = connected;
  }
}

const EMPTY_ANSWER = Buffer.from('{}');

/**
 * Sends the SDK's requests over connections that are kept, each limited in time from the beginning to the last byte. The
 * answer to a read can be taken as it came: the SDK's own decoding would make several objects per value.
 */
export class DynamoHttpHandler {
  readonly metadata = { handlerProtocol: 'http/1.1' };
  readonly #options: DynamoHttpOptions;
  readonly #plain: http.Agent;
  readonly #secure: https.Agent;

  constructor(options: DynamoHttpOptions) {
    this.#options = options;
    const agent: http.AgentOptions = {
      keepAlive: true,
      maxSockets: options.maxConnections,
      maxFreeSockets: options.maxConnections,
      // The idle connection that was used last is the least likely to have been closed at the other end.
      scheduling: 'lifo',
      timeout: options.keepAliveMs,
      noDelay: true,
    };
    this.#plain = new http.Agent(agent);
    this.#secure = new https.Agent(agent);
  }

  /** Part of what the SDK expects of a handler. */
  httpHandlerConfigs(): object {
    return {};
  }

  /** Part of what the SDK expects of a handler; there is nothing that it may change. */
  updateHttpClientConfig(): void {}

  /** Connections that are kept for the next request. */
  get idleConnections(): number {
    let idle = 0;
    for (const { freeSockets } of [this.#plain, this.#secure]) {
      for (const sockets of Object.values(freeSockets)) idle += sockets?.length ?? 0;
    }
    return idle;
  }

  destroy(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }

  handle(request: SignedRequest, { abortSignal, take }: HandlerOptions = {}): Promise<SdkResponse> {
    const isSecure = request.protocol === 'https:';
    const { connectTimeoutMs, requestTimeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      let connected = false;
      let timer: NodeJS.Timeout | undefined;
      const outgoing = (isSecure ? https : http).request({
        agent: isSecure ? this.#secure : this.#plain,
        host: request.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: request.port ?? (isSecure ? 443 : 80),
        method: request.method,
        path: request.path,
        headers: request.headers,
      });
      const settle = (then: () => void): void => {
        clearTimeout(timer);
        abortSignal?.removeEventListener('abort', onAbort);
        then();
      };
      const fail = (error: DynamoTransportError): void =>
        settle(() => {
          outgoing.destroy();
          reject(error);
        });
      const failWith = (cause: NodeJS.ErrnoException): void =>
        fail(new DynamoTransportError(cause.message, cause.code ?? 'ECONNRESET', connected, cause));
      const onAbort = (): void => fail(new DynamoTransportError('the caller went away', 'ABORT_ERR', connected));
      const limit = (ms: number, what: string): void => {
        clearTimeout(timer);
        timer = setTimeout(() => fail(new DynamoTransportError(`${what} within ${ms} ms`, 'ETIMEDOUT', connected)), ms);
      };
      const onConnected = (): void => {
        connected = true;
        limit(requestTimeoutMs, 'no answer');
      };

      outgoing.on('error', failWith);
      outgoing.on('socket', (socket) => {
        if (!socket.connecting) return onConnected();
        limit(connectTimeoutMs, 'no connection');
        socket.once(isSecure ? 'secureConnect' : 'connect', onConnected);
      });
      outgoing.on('response', (incoming) => {
        const parts: Buffer[] = [];
        incoming.on('data', (part: Buffer) => void parts.push(part));
        incoming.on('error', failWith);
        incoming.on('close', () => {
          if (!incoming.complete) {
            fail(new DynamoTransportError('the answer was cut off', 'ECONNRESET', true));
            return;
          }
          const body = Buffer.concat(parts);
          const checksum = incoming.headers['x-amz-crc32'];
          if (checksum !== undefined && Number(checksum) !== crc32(body)) {
            fail(new DynamoTransportError('the answer does not fit its checksum', 'ECHECKSUM', true));
            return;
          }
          // The error page of a load balancer, for example: the SDK would stumble over it.
          if (incoming.statusCode !== 200 && !/json/.test(incoming.headers['content-type'] ?? '')) {
            const says = `HTTP status ${incoming.statusCode} in another form than DynamoDB's`;
            fail(new DynamoTransportError(says, `HTTP_${incoming.statusCode}`, true));
            return;
          }
          settle(() => resolve(sdkResponse(incoming, body, take)));
        });
      });
      if (abortSignal?.aborted === true) return onAbort();
      abortSignal?.addEventListener('abort', onAbort, { once: true });
      outgoing.end(request.body);
    });
  }
}

function sdkResponse(incoming: http.IncomingMessage, body: Buffer, take: HandlerOptions['take']): SdkResponse {
  const statusCode = incoming.statusCode ?? 0;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  if (take === undefined || statusCode !== 200) return { response: { statusCode, headers, body } };
  take(body);
  return { response: { statusCode, headers, body: EMPTY_ANSWER } };
}
