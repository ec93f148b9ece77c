import {
  type ClientHttp2Session,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { status as grpcStatus } from '@grpc/grpc-js';

const PREFIX = 5;
const PATH = '/feast.serving.ServingService/GetOnlineFeatures';

export interface CallOutcome {
  /** Name of the gRPC status, or of what kept one from coming: see `PhaseResult.codes`. */
  readonly code: string;
  /** With OK: the message. */
  readonly message?: Buffer;
  readonly sideboardCode?: string;
  readonly text?: string;
}

export interface CallerOptions {
  /** `host:port` or `unix:/path` */
  readonly address: string;
  readonly connections: number;
  readonly deadlineMs: number;
  readonly giveUpMs: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly path?: string;
}

/** Unary calls over several connections, each made anew when it is lost. Nothing is repeated and nothing is hidden. */
export class GrpcCaller {
  readonly #options: CallerOptions;
  readonly #headers: OutgoingHttpHeaders;
  readonly #sessions: (ClientHttp2Session | undefined)[];
  #turn = 0;
  #closed = false;

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#headers = {
      ':method': 'POST',
      ':path': options.path ?? PATH,
      ':scheme': 'http',
      ':authority': 'localhost',
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': `${options.deadlineMs}m`,
      ...options.metadata,
    };
    this.#sessions = Array.from({ length: options.connections });
  }

  /** Opens all connections. @throws Error where the address does not answer */
  async open(): Promise<void> {
    await Promise.all(this.#sessions.map((_, index) => this.#connect(index)));
  }

  /** `done` is called exactly once, never before this returns. */
  call(message: Uint8Array, done: (outcome: CallOutcome) => void): void {
    const index = this.#turn++ % this.#sessions.length;
    const session = this.#sessions[index];
    if (session === undefined || session.closed || session.destroyed) {
      setImmediate(done, { code: 'NOT_CONNECTED' });
      return;
    }
    const frame = Buffer.alloc(PREFIX + message.length);
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, PREFIX);
    const stream = session.request(this.#headers);
    const chunks: Buffer[] = [];
    let headers: IncomingHttpHeaders = {};
    let failure = '';
    let finished = false;
    const finish = (outcome: CallOutcome): void => {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      done(outcome);
    };
    // If it was this process that stood still, the answer lies unread: it is taken in first.
    const giveUp = (): void => {
      if (finished) return;
      finish({ code: 'NO_ANSWER' });
      stream.close(8);
    };
    const timer = setTimeout(() => setImmediate(giveUp), this.#options.giveUpMs);
    stream.on('response', (received) => {
      headers = received;
    });
    stream.on('trailers', (received) => {
      headers = { ...headers, ...received };
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', (error) => {
      failure = error.message;
    });
    stream.on('close', () => {
      const isRefused = headers['grpc-status'] === undefined && stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
      finish(isRefused ? { code: 'NOT_BEGUN' } : outcomeOf(headers, chunks, failure));
    });
    stream.end(frame);
  }

  close(): void {
    this.#closed = true;
    for (const session of this.#sessions) session?.destroy();
  }

  #connect(index: number): Promise<void> {
    const { address } = this.#options;
    return new Promise((resolve, reject) => {
      const path = address.startsWith('unix:') ? address.slice('unix:'.length) : undefined;
      const session = connect(path === undefined ? `http://${address}` : 'http://localhost', {
        ...(path === undefined ? {} : { createConnection: () => connectSocket(path) }),
        settings: { enablePush: false, initialWindowSize: 8 * 1024 * 1024 },
      });
      session.on('error', reject);
      // As gRPC clients do: who has not heard from the server sends it nothing.
      session.once('remoteSettings', () => {
        session.setLocalWindowSize(64 * 1024 * 1024);
        this.#sessions[index] = session;
        resolve();
      });
      const again = (): void => {
        if (this.#sessions[index] === session) this.#sessions[index] = undefined;
        if (!this.#closed && !waiting) {
          waiting = true;
          setTimeout(() => {
            if (!this.#closed) this.#connect(index).catch(() => {});
          }, 50).unref();
        }
      };
      let waiting = false;
      session.on('goaway', again);
      session.on('close', again);
    });
  }
}

function outcomeOf(headers: IncomingHttpHeaders, chunks: readonly Buffer[], failure: string): CallOutcome {
  const status = headers['grpc-status'];
  if (status === undefined) return { code: 'CONNECTION_LOST', text: failure };
  const code = grpcStatus[Number(status)] ?? `STATUS_${String(status)}`;
  if (code === 'OK') {
    const answer = Buffer.concat(chunks);
    const whole = answer.length >= PREFIX && answer.readUInt32BE(1) === answer.length - PREFIX;
    return whole ? { code, message: answer.subarray(PREFIX) } : { code: 'BROKEN_ANSWER' };
  }
  const sideboardCode = headers['sideboard-code'];
  return {
    code,
    text: decodeURIComponent(String(headers['grpc-message'] ?? '')),
    ...(sideboardCode === undefined ? {} : { sideboardCode: String(sideboardCode) }),
  };
}
