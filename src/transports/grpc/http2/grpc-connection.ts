import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { PeerKind } from '../../../serving/served-call.ts';
import { TransportError } from '../../transport-error.ts';
import { type CallAdmission, isLimited } from '../call-admission.ts';
import { marksFrom, peerKindOf } from '../call-marks.ts';
import type { ServedConnection } from '../connection-set.ts';
import { failureHeaders, isGrpcType, parseEncoding, parseTimeout } from '../grpc-headers.ts';
import { grpcFailureFrom } from '../grpc-status.ts';
import type { Http2Limits } from '../http2-limits.ts';
import { PingGuard } from '../ping-guard.ts';
import type { GrpcServerOptions, ServiceMethod } from '../service-table.ts';
import { type CallHost, type ConnectionCall, GrpcCall, refuse } from './grpc-call.ts';
import { GrpcStreamCall } from './grpc-stream-call.ts';

/** Clients that gRPC serves know this text: they ping less from then on. */
const TOO_MANY_PINGS = Buffer.from('too_many_pings');

/** What the connections of a server have in common. */
export interface ServerContext {
  readonly methods: ReadonlyMap<string, ServiceMethod>;
  readonly options: GrpcServerOptions;
  readonly limits: Http2Limits;
  readonly admission: CallAdmission | undefined;
}

/** One client's connection, and the calls on it. */
export class GrpcConnection implements ServedConnection, CallHost {
  readonly options: GrpcServerOptions;
  readonly peer: PeerKind;
  /** Settles when the socket is closed. */
  readonly hungUp: Promise<void>;
  readonly #admission: CallAdmission | undefined;
  readonly #methods: ReadonlyMap<string, ServiceMethod>;
  readonly #limits: Http2Limits;
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #calls = new Set<ConnectionCall>();
  /** Calls whose methods wait until the client has taken more of the answers before them. */
  readonly #held = new Set<ConnectionCall>();
  #unsentBytes = 0;
  #awaitsPong = false;
  #callsBegun = 0;
  #endsStreams = false;
  #hangUp: NodeJS.Timeout | undefined;

  constructor(session: ServerHttp2Session, socket: Socket, { methods, options, limits, admission }: ServerContext) {
    this.#admission = admission;
    this.#session = session;
    this.#socket = socket;
    this.peer = peerKindOf(socket);
    this.#methods = methods;
    this.#limits = limits;
    this.options = options;
    const pings = new PingGuard(limits, () => socket.bytesWritten);
    // A broken connection concerns the client alone; its calls hear of it as closed streams.
    session.on('error', () => {});
    session.on('ping', () => {
      if (pings.pinged(Date.now())) this.#sendAway();
    });
    session.on('stream', (stream, headers) => {
      this.#callsBegun++;
      pings.called();
      this.#accept(stream, headers);
    });
    this.hungUp = new Promise((resolve) => {
      socket.once('close', () => {
        clearTimeout(this.#hangUp);
        resolve();
      });
    });
  }

  get openCalls(): number {
    return this.#calls.size;
  }

  get callsBegun(): number {
    return this.#callsBegun;
  }

  get awaitsPong(): boolean {
    return this.#awaitsPong;
  }

  /** Part of {@link CallHost}. */
  ready(call: ConnectionCall): void {
    if (this.#unsentBytes <= this.#limits.maxUnsentBytes) this.#run(call);
    else this.#held.add(call);
  }

  /** Part of {@link CallHost}. */
  arrival(): number {
    const now = Date.now();
    return this.#admission?.arrival(now) ?? now;
  }

  /** Part of {@link CallHost}. */
  began(): void {
    this.#admission?.began();
  }

  /** Part of {@link CallHost}. */
  settled(): void {
    this.#admission?.ended();
  }

  /** Part of {@link CallHost}. */
  answered(bytes: number): void {
    this.#unsentBytes += bytes;
  }

  /** Part of {@link CallHost}. */
  closed(call: ConnectionCall, answerBytes: number): void {
    this.#calls.delete(call);
    this.#unsentBytes -= answerBytes;
    if (this.#held.size > 0) this.#runHeld(call);
    if (this.#session.closed && this.#calls.size === 0) this.#hangUpAfter(this.#limits.lastAnswerMs);
  }

  /** Ends the calls that stay open past their deadlines. */
  sweep(now: number): void {
    for (const call of this.#calls) {
      if (now > call.expiresAt + this.#limits.stalledAnswerMs) call.cut();
      else if (now > call.expiresAt) call.expire();
    }
  }

  /** Asks the client whether it is there. */
  checkAlive(): void {
    if (this.#session.destroyed) return;
    this.#awaitsPong = true;
    this.#session.ping(() => {
      this.#awaitsPong = false;
    });
  }

  /**
   * Closes without losing a call: GOAWAY names the last call that arrived, so that the client knows which ones it has to make
   * elsewhere; those before it finish, and the connection closes behind the last of them.
   *
   * The notice that gRPC servers send ahead, a GOAWAY that names no call yet, cannot be had from node:http2: nghttp2 counts a
   * session as over once it has sent any GOAWAY and has no open stream, and node stops reading. A call on its way then would
   * neither be answered nor be known as unanswered.
   */
  retire(): void {
    if (!this.#session.destroyed) this.#session.close();
    if (this.#calls.size === 0) this.#hangUpAfter(this.#limits.hangUpMs);
  }

  /** The same; calls that would go on for long come to an end. */
  drain(): void {
    this.#endsStreams = true;
    if (!this.#session.destroyed) this.#session.close();
    for (const call of [...this.#calls]) call.drain();
    if (this.#calls.size === 0) this.#hangUpAfter(this.#limits.hangUpMs);
  }

  /** Answers every call that is still open with an error. */
  abandon(error: TransportError): void {
    for (const call of [...this.#calls]) call.abandon(error);
    this.drain();
  }

  destroy(): void {
    this.#session.destroy();
    // A session that is closing waits for its peer, which may never hang up.
    this.#socket.destroy();
  }

  #runHeld(closed: ConnectionCall): void {
    this.#held.delete(closed);
    for (const call of this.#held) {
      if (this.#unsentBytes > this.#limits.maxUnsentBytes) return;
      this.#held.delete(call);
      this.#run(call);
    }
  }

  #run(call: ConnectionCall): void {
    const refusal = call.isLimited ? this.#admission?.refusalToRun(call.arrivedAt) : undefined;
    if (refusal === undefined) call.run();
    else call.abandon(refusal);
  }

  /** The client should hang up first: until then it may still be reading. A call that came in the meantime is waited for. */
  #hangUpAfter(milliseconds: number): void {
    if (this.#socket.destroyed) return;
    clearTimeout(this.#hangUp);
    this.#hangUp = setTimeout(() => {
      if (this.#calls.size === 0) this.#socket.destroy();
    }, milliseconds);
  }

  #sendAway(): void {
    this.options.onLimit?.('pings');
    this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, TOO_MANY_PINGS);
    this.#session.destroy();
    this.#hangUpAfter(this.#limits.hangUpMs);
  }

  /** Looks at a call's headers. A call that cannot be run is answered here. */
  #accept(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    // Not a gRPC client: it gets an HTTP status, as the gRPC specification asks.
    const isPost = headers[':method'] === 'POST';
    if (!isPost || !isGrpcType(headers['content-type'])) {
      refuse(stream, isPost ? { ':status': 415 } : { ':status': 405, allow: 'POST' });
      return;
    }
    const { defaultDeadlineMs, maxDeadlineMs, streamIdleMs } = this.options;
    const marks = marksFrom((name) => header(headers, name));
    let reached: string | undefined;
    try {
      const path = headers[':path'] ?? '';
      const method = this.#methods.get(path);
      if (method === undefined) {
        throw new TransportError('UNKNOWN_METHOD', `There is no method ${path.slice(0, 200)} here.`);
      }
      const encoding = parseEncoding(header(headers, 'grpc-encoding'));
      const asked = parseTimeout(header(headers, 'grpc-timeout'));
      reached = path;
      // Before it costs anything to find out who calls.
      const limited = !('stream' in method) && isLimited(path);
      const busy = limited ? this.#admission?.refusal : undefined;
      if (busy !== undefined) throw busy;
      const admission = this.options.guard?.admit(path, header(headers, 'authorization'));
      if ('stream' in method) {
        const times = { deadline: Date.now() + (asked ?? Number.POSITIVE_INFINITY), idleMs: streamIdleMs };
        const call = new GrpcStreamCall(stream, method, encoding, times, marks, this);
        this.#calls.add(call);
        if (this.#endsStreams) call.drain();
        call.admitAs(admission, () => this.ready(call));
        return;
      }
      const deadline = Date.now() + Math.min(asked ?? defaultDeadlineMs, maxDeadlineMs);
      const deadlineIsOurs = asked === undefined || asked > maxDeadlineMs;
      const head = { method, encoding, isLimited: limited, deadline, deadlineIsOurs, marks };
      this.#calls.add(new GrpcCall(stream, head, admission, this));
    } catch (error) {
      this.options.onFailure(error, reached, { marks, peer: this.peer });
      refuse(stream, failureHeaders(grpcFailureFrom(error)));
    }
  }
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}
