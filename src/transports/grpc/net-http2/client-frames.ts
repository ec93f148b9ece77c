import type { CallMarks } from '../../../serving/served-call.ts';
import { grpcFailureFrom } from '../grpc-status.ts';
import { PingGuard } from '../ping-guard.ts';
import type { TransportLimit } from '../transport-limit.ts';
import type { AnswerSender } from './answer-sender.ts';
import { type CallPlan, callPlanFrom } from './call-plan.ts';
import { ForeignRequest } from './foreign-request.ts';
import type { FrameHandler } from './frame-reader.ts';
import { HeadDecoder } from './head-decoder.ts';
import { ConnectionFault, ErrorCode, Flag, FrameType, MAX_STREAM_ID } from './protocol.ts';
import type { ServerContext } from './server-context.ts';
import { clientSettingsFrom } from './settings.ts';
import type { Stream } from './stream.ts';
import { StreamingCall } from './streaming-call.ts';
import type { Streams } from './streams.ts';
import { TokenBucket } from './token-bucket.ts';
import { type Admission, UnaryCall } from './unary-call.ts';

/** What the frames of a client need of its connection. */
export interface FramesHost {
  /** The client speaks HTTP/2, or does not. */
  greeted(): void;
  notHttp2(bytes: Buffer): void;
  /** An acknowledgement came. @returns whether it was for one of our own pings */
  ponged(payload: Uint8Array): boolean;
  /** The client pings more than it may. */
  tooManyPings(): void;
  /** Bytes that the connection has written so far. */
  bytesWritten(): number;
}

const NOTHING = Buffer.alloc(0);
const PING_LENGTH = 8;

/**
 * What a client's frames mean for its streams, and what is done about those that break the protocol or its limits
 * (RFC 9113, sections 5 and 6). Faults that end the connection are thrown.
 */
export class ClientFrames implements FrameHandler {
  /** When the frames came that are being read, in milliseconds since the Unix epoch. */
  now = Date.now();
  /** When the turn of the event loop began in which they are. */
  arrivedAt = this.now;
  readonly #context: ServerContext;
  readonly #sender: AnswerSender;
  readonly #streams: Streams;
  readonly #host: FramesHost;
  readonly #heads: HeadDecoder<CallPlan>;
  readonly #pings: PingGuard;
  readonly #resets: TokenBucket;
  readonly #idleFrames: TokenBucket;
  #lastStream = 0;
  /** Streams above it are left to another server. */
  #lastTaken = MAX_STREAM_ID;
  /** What the current DATA frame belongs to. */
  #dataStream: Stream | undefined;
  /** Bytes of flow control that came since the client was last asked for more. */
  #unacknowledged = 0;
  #knowsSettings = false;

  constructor(context: ServerContext, sender: AnswerSender, streams: Streams, host: FramesHost) {
    const { limits, methods } = context;
    this.#context = context;
    this.#sender = sender;
    this.#streams = streams;
    this.#host = host;
    this.#heads = new HeadDecoder(limits, (head) => callPlanFrom(head, methods));
    this.#pings = new PingGuard(limits, () => host.bytesWritten());
    this.#resets = new TokenBucket(limits.resetsAtOnce, limits.resetsPerSecond, this.now);
    this.#idleFrames = new TokenBucket(limits.idleFramesAtOnce, limits.idleFramesPerSecond, this.now);
  }

  /** The last stream that the client has opened. */
  get lastStream(): number {
    return this.#lastStream;
  }

  /** The client has acknowledged the settings. */
  get knowsSettings(): boolean {
    return this.#knowsSettings;
  }

  /** New streams are left to another server from now on. */
  takeNoMore(): void {
    this.#lastTaken = this.#lastStream;
  }

  /** What came is used up: the client may send as much again. */
  askForMore(): void {
    if (this.#unacknowledged * 2 < this.#context.limits.connectionWindow || this.#streams.isFull) return;
    this.#sender.number(FrameType.WINDOW_UPDATE, 0, this.#unacknowledged);
    this.#unacknowledged = 0;
  }

  /** Part of {@link FrameHandler}. */
  preface(): void {
    this.#host.greeted();
  }

  /** Part of {@link FrameHandler}. */
  notHttp2(bytes: Buffer): void {
    this.#host.notHttp2(bytes);
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
    else if (plan.kind === 'reset') this.#resetCall(id, plan.errorCode);
    else if (this.#streams.size >= this.#context.options.maxConcurrentStreams) {
      this.#idleFrame();
      this.#context.options.onLimit?.('streams');
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
    else if (isLast && stream.unacknowledged * 2 >= this.#context.limits.streamWindow) this.#streams.askForMore(stream);
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
    if (this.#resets.spent(this.now)) throw tooMany('resets', 'too many resets');
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
    const payload = bytes.subarray(start, start + PING_LENGTH);
    if (ack) {
      if (!this.#host.ponged(payload)) this.#idleFrame();
    } else if (this.#pings.pinged(this.now)) this.#host.tooManyPings();
    else this.#sender.frame(FrameType.PING, Flag.ACK, 0, payload);
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

  /** A new request. A call that cannot be run is answered here. */
  #begin(id: number, plan: Exclude<CallPlan, { kind: 'reset' }>, endStream: boolean): void {
    const { defaultDeadlineMs, maxDeadlineMs, guard } = this.#context.options;
    if (plan.kind === 'refuse') {
      this.#refuseCall(id, plan.error, undefined, plan.marks, endStream);
      return;
    }
    // Before it costs anything to find out who calls.
    const busy = plan.kind === 'run' && plan.isLimited ? this.#context.admission?.refusal : undefined;
    if (busy !== undefined && plan.kind === 'run') {
      this.#refuseCall(id, busy, plan.method.path, plan.marks, endStream);
      return;
    }
    let admission: Admission;
    if (guard !== undefined && plan.kind !== 'foreign') {
      const { path } = plan.method;
      try {
        admission = guard.admit(path, plan.authorization);
      } catch (error) {
        this.#refuseCall(id, error, path, plan.marks, endStream);
        return;
      }
    }
    if (plan.kind === 'stream') {
      this.#beginStream(id, plan, admission, endStream);
      return;
    }
    const timeout = (plan.kind === 'run' ? plan.timeoutMs : undefined) ?? defaultDeadlineMs;
    const deadline = this.now + Math.min(timeout, maxDeadlineMs);
    const window = this.#sender.streamWindow;
    const stream =
      plan.kind === 'run'
        ? new UnaryCall(id, plan, admission, deadline, window, this.#streams)
        : new ForeignRequest(id, plan.answer, deadline, plan.contentLength, window, this.#streams);
    this.#streams.add(stream);
    if (endStream) this.#complete(stream);
  }

  /** A call whose request goes on for as long as the client likes. */
  #beginStream(id: number, plan: CallPlan & { kind: 'stream' }, admission: Admission, endStream: boolean): void {
    const deadline = plan.timeoutMs === undefined ? Number.POSITIVE_INFINITY : this.now + plan.timeoutMs;
    const { streamIdleMs } = this.#context.options;
    const call = new StreamingCall(
      id,
      plan,
      { deadline, idleMs: streamIdleMs },
      this.#sender.streamWindow,
      this.#streams,
    );
    this.#streams.add(call);
    if (endStream) this.#complete(call);
    call.admitAs(admission, () => {
      if (!call.closed) this.#streams.ready(call);
    });
  }

  /** Its head alone says that it is not to be begun. */
  #resetCall(id: number, errorCode: number): void {
    if (errorCode === ErrorCode.ENHANCE_YOUR_CALM) this.#context.options.onLimit?.('metadata');
    this.#refuse(id, errorCode);
  }

  /** Answers by headers alone, before anything of a body is looked at. */
  #refuseCall(
    id: number,
    error: unknown,
    path: string | undefined,
    marks: CallMarks | undefined,
    endStream: boolean,
  ): void {
    this.#context.options.onFailure(error, path, { marks, peer: this.#streams.peer });
    this.#sender.failure(id, grpcFailureFrom(error));
    if (!endStream) this.#streams.stop(id, ErrorCode.NO_ERROR);
  }

  /** The request is there. */
  #complete(stream: Stream): void {
    stream.requestEnded = true;
    stream.arrivedAt = this.arrivedAt;
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
    if (this.#resets.spent(this.now)) throw tooMany('resets', 'too many faults');
    this.#streams.stop(id, errorCode);
  }

  /** A frame came that changes nothing. */
  #idleFrame(): void {
    if (this.#idleFrames.spent(this.now)) throw tooMany('frames', 'too many frames of no use');
  }
}

function fault(errorCode: number, message: string): ConnectionFault {
  return new ConnectionFault(errorCode, message);
}

function tooMany(limit: TransportLimit, message: string): ConnectionFault {
  return new ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, message, limit);
}
