import type { Socket } from 'node:net';
import { grpcFailureFrom } from '../grpc-status.ts';
import { PingGuard } from '../ping-guard.ts';
import type { GrpcServerOptions, UnaryMethod } from '../service-table.ts';
import { AnswerSender, type AnswerSenderHost } from './answer-sender.ts';
import { type CallPlan, callPlanFrom } from './call-plan.ts';
import { ForeignRequest } from './foreign-request.ts';
import { type FrameHandler, FrameReader } from './frame-reader.ts';
import { HeadDecoder } from './head-decoder.ts';
import type { MemoryPool } from './memory-pool.ts';
import type { NetHttp2Limits } from './net-http2-limits.ts';
import { ConnectionFault, DEFAULT_WINDOW, ErrorCode, Flag, FrameType, MAX_STREAM_ID } from './protocol.ts';
import { clientSettingsFrom, settingsPayload } from './settings.ts';
import type { Stream } from './stream.ts';
import { Streams } from './streams.ts';
import { TokenBucket } from './token-bucket.ts';
import { UnaryCall } from './unary-call.ts';

/** What the connections of a server have in common. */
export interface ServerContext {
  readonly methods: ReadonlyMap<string, UnaryMethod>;
  readonly options: GrpcServerOptions;
  readonly limits: NetHttp2Limits;
  readonly memory: MemoryPool;
}

/** Clients that gRPC serves know this text: they ping less from then on. */
const TOO_MANY_PINGS = 'too_many_pings';
/** Payloads of our own pings, eight bytes each. */
const ALIVE = Buffer.from('alive?..');
const LEAVING = Buffer.from('leaving.');
const NOTHING = Buffer.alloc(0);

const HTTP1_REQUEST = /^[A-Z]+ \S+ HTTP\/1\.[01]\r?\n/;
const MAX_REQUEST_LINE = 2_048;
const HTTP1_ANSWER =
  'HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\ncontent-type: text/plain\r\n\r\n' +
  'This port speaks gRPC over HTTP/2.\n';

/** One client's connection: what its frames mean, and how it begins and ends. */
export class Connection implements FrameHandler, AnswerSenderHost {
  /** Settles when the socket is closed. */
  readonly hungUp: Promise<void>;
  readonly #context: ServerContext;
  readonly #socket: Socket;
  readonly #sender: AnswerSender;
  readonly #reader: FrameReader;
  readonly #heads: HeadDecoder<CallPlan>;
  readonly #streams: Streams;
  readonly #pings: PingGuard;
  readonly #resets: TokenBucket;
  readonly #idleFrames: TokenBucket;
  readonly #connectedAt = Date.now();
  #now = this.#connectedAt;
  #lastStream = 0;
  /** Streams above it are left to another server. */
  #lastTaken = MAX_STREAM_ID;
  /** What the current DATA frame belongs to. */
  #dataStream: Stream | undefined;
  /** Bytes of flow control that came since the client was last asked for more. */
  #unacknowledged = 0;
  #greeted = false;
  #knowsSettings = false;
  #awaitsPong = false;
  /** `leaving`: has said that it will go, and takes what comes in the meantime. `ending`: has hung up on its side. */
  #phase: 'open' | 'leaving' | 'closing' | 'ending' = 'open';
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, context: ServerContext) {
    const { options, limits, memory, methods } = context;
    this.#socket = socket;
    this.#context = context;
    this.#sender = new AnswerSender(socket, memory, limits.maxSocketBacklog, this);
    this.#streams = new Streams({ sender: this.#sender, options, limits, memory, changed: () => this.#changed() });
    this.#reader = new FrameReader(this, limits);
    this.#heads = new HeadDecoder(limits, (head) => callPlanFrom(head, methods));
    this.#pings = new PingGuard(limits, () => socket.bytesWritten);
    this.#resets = new TokenBucket(limits.resetsAtOnce, limits.resetsPerSecond, this.#now);
    this.#idleFrames = new TokenBucket(limits.idleFramesAtOnce, limits.idleFramesPerSecond, this.#now);
    this.hungUp = new Promise((resolve) => {
      const closed = () => {
        clearTimeout(this.#timer);
        this.#phase = 'ending';
        this.#reader.stop();
        this.#streams.closeAll();
        resolve();
      };
      // One that was handed over may have broken on the way.
      if (socket.destroyed) closed();
      else socket.once('close', closed);
    });
    // A connection that breaks is the client's affair; `close` follows.
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    // Nobody hangs up one side only: the answers have no reader any more.
    socket.on('end', () => {
      this.#streams.closeAll();
      this.#end(limits.hangUpMs);
    });
  }

  get openCalls(): number {
    return this.#streams.size;
  }

  /** Ends what takes too long. */
  sweep(now: number): void {
    if (this.#phase === 'ending') return;
    this.#streams.sweep(now);
    if (!this.#knowsSettings && now > this.#connectedAt + this.#context.limits.settingsTimeoutMs) {
      this.preface();
      this.#giveUp(ErrorCode.SETTINGS_TIMEOUT, 'the settings were not acknowledged');
    }
  }

  /** Asks the client whether it is there; destroys the connection if it has not answered the last time. */
  checkAlive(): void {
    if (this.#awaitsPong) {
      this.#socket.destroy();
      return;
    }
    this.#awaitsPong = true;
    if (this.#greeted) this.#sender.frame(FrameType.PING, 0, 0, ALIVE);
  }

  /**
   * Closes without losing a call, in two steps. A GOAWAY that names no call tells the client to make new ones elsewhere; those
   * that are on their way are taken. The answer to a ping tells that it knows. Then another GOAWAY names the last call that was
   * taken, and the connection closes behind it.
   */
  drain(): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'leaving';
    this.preface();
    this.#goaway(MAX_STREAM_ID, ErrorCode.NO_ERROR, '');
    this.#sender.frame(FrameType.PING, 0, 0, LEAVING);
    this.#after(this.#context.limits.hangUpMs, () => this.#leave());
  }

  /** Answers every call that is still open UNAVAILABLE. */
  abandon(): void {
    this.#streams.abandon();
    this.drain();
    this.#leave();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Part of {@link AnswerSenderHost}. */
  sent(stream: Stream): void {
    stream.sent();
    this.#streams.finish(stream);
  }

  /** Part of {@link AnswerSenderHost}. */
  taken(): void {
    const socket = this.#socket;
    if (socket.isPaused() && this.#sender.backlog <= this.#context.limits.maxSocketBacklog) socket.resume();
  }

  /** Part of {@link FrameHandler}: the settings come first of all that is sent. */
  preface(): void {
    if (this.#greeted) return;
    this.#greeted = true;
    const { options, limits } = this.#context;
    this.#sender.frame(FrameType.SETTINGS, 0, 0, settingsPayload(options.maxConcurrentStreams, limits));
    this.#sender.number(FrameType.WINDOW_UPDATE, 0, limits.connectionWindow - DEFAULT_WINDOW);
  }

  /** Part of {@link FrameHandler}. */
  notHttp2(bytes: Buffer): void {
    if (HTTP1_REQUEST.test(bytes.toString('latin1', 0, MAX_REQUEST_LINE))) this.#socket.write(HTTP1_ANSWER);
    this.#end(this.#context.limits.hangUpMs);
  }

  /** Part of {@link FrameHandler}. */
  headers(
    id: number,
    endStream: boolean,
    dependsOnItself: boolean,
    block: Uint8Array,
    start: number,
    end: number,
  ): void {
    const open = this.#streams.get(id);
    if (open !== undefined || id <= this.#lastStream || id > this.#lastTaken) {
      this.#laterHeaders(id, open, endStream, this.#heads.trailers(block, start, end));
      return;
    }
    if (id % 2 === 0) throw fault(ErrorCode.PROTOCOL_ERROR, 'a client opens a stream with an even number');
    this.#lastStream = id;
    const plan = this.#heads.request(block, start, end);
    this.#pings.called();
    if (dependsOnItself) this.#refuse(id, ErrorCode.PROTOCOL_ERROR);
    else if (plan.kind === 'reset') this.#refuse(id, plan.errorCode);
    else if (this.#streams.size >= this.#context.options.maxConcurrentStreams) {
      this.#idleFrame();
      this.#streams.stop(id, ErrorCode.REFUSED_STREAM);
    } else this.#begin(id, plan, endStream);
  }

  /** Part of {@link FrameHandler}. */
  dataFrame(id: number, length: number): void {
    const { limits } = this.#context;
    this.#unacknowledged += length;
    if (this.#unacknowledged > limits.connectionWindow) {
      throw fault(ErrorCode.FLOW_CONTROL_ERROR, 'more data than the connection allows');
    }
    const stream = this.#streams.get(id);
    this.#dataStream = undefined;
    if (stream === undefined) this.#strayFrame(id, true);
    else if (stream.requestEnded) this.#breakOff(stream, ErrorCode.STREAM_CLOSED);
    else {
      stream.unacknowledged += length;
      if (stream.unacknowledged > limits.streamWindow) this.#breakOff(stream, ErrorCode.FLOW_CONTROL_ERROR);
      else this.#dataStream = stream;
    }
  }

  /** Part of {@link FrameHandler}. */
  data(bytes: Buffer, start: number, end: number, isLast: boolean, endStream: boolean): void {
    const stream = this.#dataStream;
    if (stream === undefined || stream.closed) return;
    stream.received += end - start;
    if (stream.contentLength >= 0 && stream.received > stream.contentLength) {
      this.#breakOff(stream, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    if (end > start) this.#streams.receive(stream, bytes, start, end, isLast);
    else if (isLast && !endStream) this.#idleFrame();
    if (stream.closed) return;
    if (endStream) this.#complete(stream);
    else if (isLast && stream.unacknowledged * 2 >= this.#context.limits.streamWindow) {
      this.#sender.number(FrameType.WINDOW_UPDATE, stream.id, stream.unacknowledged);
      stream.unacknowledged = 0;
    }
  }

  /** Part of {@link FrameHandler}. Priorities are of no consequence here. */
  priority(id: number, dependsOnItself: boolean): void {
    this.#idleFrame();
    if (!dependsOnItself) return;
    const stream = this.#streams.get(id);
    if (stream === undefined) throw fault(ErrorCode.PROTOCOL_ERROR, 'a stream depends on itself');
    this.#breakOff(stream, ErrorCode.PROTOCOL_ERROR);
  }

  /** Part of {@link FrameHandler}. */
  reset(id: number): void {
    if (this.#resets.spent(this.#now)) throw fault(ErrorCode.ENHANCE_YOUR_CALM, 'too many resets');
    const stream = this.#streams.get(id);
    if (stream === undefined) this.#strayFrame(id, false);
    else this.#streams.close(stream);
  }

  /** Part of {@link FrameHandler}. */
  settings(ack: boolean, bytes: Uint8Array, start: number, end: number): void {
    this.#idleFrame();
    if (ack) {
      this.#knowsSettings = true;
      return;
    }
    const { tableSize, streamWindow, maxFrame } = clientSettingsFrom(bytes, start, end);
    if (tableSize !== undefined) this.#sender.allowTableSize(tableSize);
    if (maxFrame !== undefined) this.#sender.allowFrameSize(maxFrame);
    if (streamWindow !== undefined && this.#sender.setStreamWindow(streamWindow, this.#streams.all())) {
      throw fault(ErrorCode.FLOW_CONTROL_ERROR, 'a window is too large');
    }
    this.#sender.frame(FrameType.SETTINGS, Flag.ACK, 0, NOTHING);
  }

  /** Part of {@link FrameHandler}. */
  ping(ack: boolean, bytes: Uint8Array, start: number): void {
    const payload = bytes.subarray(start, start + ALIVE.length);
    if (!ack) {
      if (this.#pings.pinged(this.#now)) this.#giveUp(ErrorCode.ENHANCE_YOUR_CALM, TOO_MANY_PINGS);
      else this.#sender.frame(FrameType.PING, Flag.ACK, 0, payload);
    } else if (ALIVE.equals(payload)) this.#awaitsPong = false;
    else if (LEAVING.equals(payload) && this.#phase === 'leaving') this.#leave();
    else this.#idleFrame();
  }

  /** Part of {@link FrameHandler}. The client will close the connection when it has its answers. */
  goaway(): void {
    this.#idleFrame();
  }

  /** Part of {@link FrameHandler}. */
  windowUpdate(id: number, increment: number): void {
    const stream = id === 0 ? undefined : this.#streams.get(id);
    if (id !== 0 && stream === undefined) {
      this.#strayFrame(id, false);
      return;
    }
    if (increment > 0 && !this.#sender.extend(stream, increment)) return;
    const errorCode = increment === 0 ? ErrorCode.PROTOCOL_ERROR : ErrorCode.FLOW_CONTROL_ERROR;
    if (stream === undefined) throw fault(errorCode, 'a window cannot have that size');
    this.#breakOff(stream, errorCode);
  }

  /** Part of {@link FrameHandler}. */
  unknown(): void {
    this.#idleFrame();
  }

  #receive(chunk: Buffer): void {
    this.#now = Date.now();
    try {
      this.#reader.push(chunk);
    } catch (error) {
      const isFault = error instanceof ConnectionFault;
      if (!isFault) this.#context.options.onFailure(error, undefined);
      this.#giveUp(isFault ? error.errorCode : ErrorCode.INTERNAL_ERROR, isFault ? error.message : '');
      return;
    }
    this.#askForMore();
    if (this.#sender.backlog > this.#context.limits.maxReplyBacklog) this.#socket.pause();
  }

  /** What came is used up: the client may send as much again. */
  #askForMore(): void {
    if (this.#unacknowledged * 2 < this.#context.limits.connectionWindow || this.#streams.isFull) return;
    this.#sender.number(FrameType.WINDOW_UPDATE, 0, this.#unacknowledged);
    this.#unacknowledged = 0;
  }

  /** A new request. A call that cannot be run is answered here. */
  #begin(id: number, plan: Exclude<CallPlan, { kind: 'reset' }>, endStream: boolean): void {
    const { defaultDeadlineMs, maxDeadlineMs, onFailure } = this.#context.options;
    if (plan.kind === 'refuse') {
      onFailure(plan.error, undefined);
      this.#sender.failure(id, grpcFailureFrom(plan.error));
      if (!endStream) this.#streams.stop(id, ErrorCode.NO_ERROR);
      return;
    }
    const timeout = (plan.kind === 'run' ? plan.timeoutMs : undefined) ?? defaultDeadlineMs;
    const deadline = this.#now + Math.min(timeout, maxDeadlineMs);
    const window = this.#sender.streamWindow;
    const stream =
      plan.kind === 'run'
        ? new UnaryCall(id, plan, deadline, window, this.#streams)
        : new ForeignRequest(id, plan.answer, deadline, plan.contentLength, window, this.#streams);
    this.#streams.add(stream);
    if (endStream) this.#complete(stream);
  }

  /** The request is there. */
  #complete(stream: Stream): void {
    stream.requestEnded = true;
    const { contentLength, received } = stream;
    if (contentLength >= 0 && received !== contentLength) this.#breakOff(stream, ErrorCode.PROTOCOL_ERROR);
    else stream.complete();
  }

  /** Headers that begin no call: trailers, or what comes too late. */
  #laterHeaders(id: number, stream: Stream | undefined, endStream: boolean, areTrailers: boolean): void {
    if (stream === undefined) {
      if (id > this.#lastTaken || this.#streams.wasStopped(id)) this.#idleFrame();
      else throw fault(ErrorCode.STREAM_CLOSED, 'HEADERS on a closed stream');
    } else if (stream.requestEnded) this.#breakOff(stream, ErrorCode.STREAM_CLOSED);
    else if (!endStream || !areTrailers) this.#breakOff(stream, ErrorCode.PROTOCOL_ERROR);
    else this.#complete(stream);
  }

  /** A frame of a stream that is not open. */
  #strayFrame(id: number, isData: boolean): void {
    if (id > this.#lastTaken) return;
    if (id > this.#lastStream || id % 2 === 0) {
      throw fault(ErrorCode.PROTOCOL_ERROR, 'a frame of a stream that was never opened');
    }
    if (isData && !this.#streams.wasStopped(id)) this.#refuse(id, ErrorCode.STREAM_CLOSED);
  }

  #breakOff(stream: Stream, errorCode: number): void {
    this.#refuse(stream.id, errorCode);
    this.#streams.close(stream);
  }

  /** Resets a stream for a fault of the client. That costs as much as a reset of its own, and is counted like one. */
  #refuse(id: number, errorCode: number): void {
    if (this.#resets.spent(this.#now)) throw fault(ErrorCode.ENHANCE_YOUR_CALM, 'too many faults');
    this.#streams.stop(id, errorCode);
  }

  /** A frame came that is of no use. */
  #idleFrame(): void {
    if (this.#idleFrames.spent(this.#now)) throw fault(ErrorCode.ENHANCE_YOUR_CALM, 'too many frames of no use');
  }

  /** A call is over. */
  #changed(): void {
    this.#streams.runHeld();
    this.#askForMore();
    if (this.#phase === 'closing' && this.#streams.size === 0) this.#end(this.#context.limits.lastAnswerMs);
  }

  /** The last step of {@link drain}. */
  #leave(): void {
    if (this.#phase !== 'leaving') return;
    this.#phase = 'closing';
    this.#lastTaken = this.#lastStream;
    this.#goaway(this.#lastStream, ErrorCode.NO_ERROR, '');
    clearTimeout(this.#timer);
    if (this.#streams.size === 0) this.#end(this.#context.limits.hangUpMs);
  }

  /** Ends the connection for a fault of the client, with the calls on it. */
  #giveUp(errorCode: number, text: string): void {
    if (this.#phase === 'ending') return;
    this.#goaway(this.#lastStream, errorCode, text);
    this.#end(this.#context.limits.hangUpMs);
    this.#streams.closeAll();
  }

  /** Says that nothing more will come. The client should hang up then; until it does it may still be reading. */
  #end(hangUpMs: number): void {
    if (this.#phase === 'ending') return;
    this.#phase = 'ending';
    this.#reader.stop();
    this.#sender.flushNow();
    this.#socket.end();
    // What the client still sends is read, so that the end of the connection does not overtake what was sent before it.
    if (this.#socket.isPaused()) this.#socket.resume();
    this.#after(hangUpMs, () => this.#socket.destroy());
  }

  #goaway(lastStream: number, errorCode: number, text: string): void {
    const payload = Buffer.alloc(8 + text.length);
    payload.writeUInt32BE(lastStream);
    payload.writeUInt32BE(errorCode, 4);
    payload.write(text, 8, 'latin1');
    this.#sender.frame(FrameType.GOAWAY, 0, 0, payload);
  }

  #after(milliseconds: number, act: () => void): void {
    clearTimeout(this.#timer);
    if (!this.#socket.destroyed) this.#timer = setTimeout(act, milliseconds);
  }
}

function fault(errorCode: number, message: string): ConnectionFault {
  return new ConnectionFault(errorCode, message);
}
