import { Roster } from '../../../encoding/roster.ts';
import type { PeerKind } from '../../../serving/served-call.ts';
import type { TransportError } from '../../transport-error.ts';
import type { CallAdmission } from '../call-admission.ts';
import { grpcFailureFrom } from '../grpc-status.ts';
import type { GrpcServerOptions } from '../service-table.ts';
import type { AnswerSender } from './answer-sender.ts';
import type { ForeignAnswer } from './call-plan.ts';
import type { ForeignHost, ForeignRequest } from './foreign-request.ts';
import type { MemoryPool } from './memory-pool.ts';
import type { NetHttp2Limits } from './net-http2-limits.ts';
import { ErrorCode, FrameType } from './protocol.ts';
import { RecentStreams } from './recent-streams.ts';
import type { Stream } from './stream.ts';
import type { StreamingCall, StreamingHost } from './streaming-call.ts';
import type { CallHost, RunnableCall, UnaryCall } from './unary-call.ts';

export interface StreamsOptions {
  readonly sender: AnswerSender;
  readonly options: GrpcServerOptions;
  readonly limits: NetHttp2Limits;
  readonly memory: MemoryPool;
  readonly admission: CallAdmission | undefined;
  /** Where the connection comes from. */
  readonly peer: PeerKind;
  /** Something of a call is over: its stream, or its method. */
  readonly changed: () => void;
}

/** The streams of one connection: which are open, whose methods run, which have to wait, what their requests take. */
export class Streams implements CallHost, StreamingHost, ForeignHost {
  readonly maxMessageBytes: number;
  readonly maxDeadlineMs: number;
  readonly peer: PeerKind;
  readonly #sender: AnswerSender;
  readonly #options: GrpcServerOptions;
  readonly #limits: NetHttp2Limits;
  readonly #memory: MemoryPool;
  readonly #admission: CallAdmission | undefined;
  readonly #changed: () => void;
  readonly #open = new Roster<Stream>();
  /** The latest that was opened. */
  #latest = 0;
  /** Calls whose methods wait: for the client to take answers, or for methods of calls that are gone. */
  readonly #held: RunnableCall[] = [];
  /** Streams that were reset from here; their clients may not know it yet. */
  readonly #stopped = new RecentStreams();
  #running = 0;
  #requestBytes = 0;
  #runsHeld = false;
  #looksThrough = false;

  constructor({ sender, options, limits, memory, admission, peer, changed }: StreamsOptions) {
    this.peer = peer;
    this.maxMessageBytes = options.maxMessageBytes;
    this.maxDeadlineMs = options.maxDeadlineMs;
    this.#sender = sender;
    this.#options = options;
    this.#limits = limits;
    this.#memory = memory;
    this.#admission = admission;
    this.#changed = changed;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Whether requests take more memory than is to be asked for. */
  get isFull(): boolean {
    return this.#requestBytes > this.#limits.maxRequestBytes;
  }

  get(id: number): Stream | undefined {
    return id > this.#latest ? undefined : this.#open.find((stream) => stream.id === id);
  }

  all(): Iterable<Stream> {
    return this.#open;
  }

  add(stream: Stream): void {
    this.#open.add(stream);
    this.#latest = stream.id;
  }

  /** A piece of a request came. */
  receive(stream: Stream, bytes: Buffer, start: number, end: number, isLast: boolean): void {
    this.#requestBytes += stream.receive(bytes, start, end, isLast);
  }

  /** Part of {@link CallHost}: not while the client takes nothing, and not more methods at a time than calls are allowed. */
  ready(call: RunnableCall): void {
    if (!this.#looksThrough && this.#mayRun()) this.#run(call);
    else this.#held.push(call);
  }

  /** Part of {@link CallHost}. */
  began(call: RunnableCall): void {
    this.#running++;
    if (call.isLimited) this.#admission?.began();
  }

  /** Part of {@link CallHost}. */
  settled(call: RunnableCall): void {
    this.#running--;
    if (call.isLimited) this.#admission?.ended();
    this.#release(call);
    if (this.#held.length > 0 || call.closed) this.#changed();
  }

  /** Part of {@link CallHost}. */
  answer(call: UnaryCall, message: Uint8Array): void {
    this.#sender.answer(call, message);
  }

  /** Part of {@link CallHost}: the caller is told by headers alone. */
  fail(call: UnaryCall, error: unknown): void {
    this.#options.onFailure(error, call.path, call);
    this.#sender.failure(call.id, grpcFailureFrom(error));
    this.finish(call);
  }

  /** Part of {@link StreamingHost}. */
  used(call: StreamingCall, bytes: number): void {
    this.#requestBytes -= bytes;
    call.heldBytes -= bytes;
    this.askForMore(call);
    this.#changed();
  }

  /** What came of a stream's request is used up, if it is: the client may send as much again. */
  askForMore(stream: Stream): void {
    const { unacknowledged } = stream;
    if (unacknowledged * 2 < this.#limits.streamWindow || stream.requestEnded || stream.closed || stream.isFull) return;
    this.#sender.number(FrameType.WINDOW_UPDATE, stream.id, unacknowledged);
    stream.unacknowledged = 0;
  }

  /** Part of {@link StreamingHost}. */
  begin(call: StreamingCall): void {
    this.#sender.begin(call);
  }

  /** Part of {@link StreamingHost}. */
  write(call: StreamingCall, message: Uint8Array): void {
    this.#sender.message(call, message);
  }

  /** Part of {@link StreamingHost}. */
  takeBack(call: StreamingCall): void {
    this.#sender.forget(call);
  }

  /** Part of {@link StreamingHost}. */
  end(call: StreamingCall, hasBegun: boolean, failure: { readonly error: unknown } | undefined): void {
    if (failure === undefined) this.#sender.end(call.id);
    else this.#sender.failure(call.id, grpcFailureFrom(failure.error), hasBegun);
    this.finish(call);
  }

  /** Part of {@link StreamingHost}. */
  failed(call: StreamingCall, error: unknown): void {
    this.#options.onFailure(error, call.path, call.call);
  }

  /** Part of {@link ForeignHost}. */
  answerForeign(request: ForeignRequest, answer: ForeignAnswer): void {
    this.#sender.foreign(request, answer);
  }

  /** The answer has been sent. What the client would still send is not needed, and is stopped. */
  finish(stream: Stream): void {
    if (!stream.requestEnded) this.stop(stream.id, ErrorCode.NO_ERROR);
    this.close(stream);
  }

  /** Part of {@link CallHost}. */
  allocate(bytes: number): Uint8Array {
    return this.#memory.allocate(bytes);
  }

  /** Part of {@link CallHost}. */
  release(memory: Uint8Array): void {
    this.#memory.release(memory);
  }

  /** Resets a stream. What its client has sent before it learns of that is ignored. */
  stop(id: number, errorCode: number): void {
    this.#sender.number(FrameType.RST_STREAM, id, errorCode);
    this.#stopped.add(id);
  }

  wasStopped(id: number): boolean {
    return this.#stopped.has(id);
  }

  /** Nothing of the stream is on the connection any more. */
  close(stream: Stream): void {
    this.#open.delete(stream);
    const held = this.#held.indexOf(stream as RunnableCall);
    if (held >= 0) this.#held.splice(held, 1);
    this.#sender.forget(stream);
    stream.close();
    if (!stream.isRunning) this.#release(stream);
    this.#changed();
  }

  /** No method runs while `look` reads what came: what a client took back in the same piece never does. */
  lookThrough(look: () => void): void {
    this.#looksThrough = true;
    try {
      look();
    } finally {
      this.#looksThrough = false;
    }
    this.runHeld();
  }

  /** Runs what was held and may run now. */
  runHeld(): void {
    // A method that answers at once leads back here.
    if (this.#runsHeld || this.#looksThrough) return;
    this.#runsHeld = true;
    while (this.#mayRun()) {
      const call = this.#held.shift();
      if (call === undefined) break;
      this.#run(call);
    }
    this.#runsHeld = false;
  }

  /** Ends the calls that stay open past their deadlines; those whose answers are not taken, some time later. */
  sweep(now: number): void {
    const late = [...this.#open].filter(({ expiresAt }) => now > expiresAt);
    // All of them first: what is cut off makes room for calls that wait, and none whose time is up is to be run.
    for (const stream of late) stream.expire();
    for (const stream of late) {
      if (stream.closed || now <= stream.expiresAt + this.#limits.stalledAnswerMs) continue;
      this.stop(stream.id, ErrorCode.CANCEL);
      this.close(stream);
    }
  }

  /** Calls that would go on for long come to an end. */
  drain(): void {
    for (const stream of this.#open) stream.drain();
  }

  /** Answers every call that is still open with an error. */
  abandon(error: TransportError): void {
    this.#held.length = 0;
    for (const stream of this.#open) stream.abandon(error);
  }

  /** The connection is gone, and every call with it. */
  closeAll(): void {
    this.#held.length = 0;
    for (const stream of this.#open) this.close(stream);
  }

  #run(call: RunnableCall): void {
    const refusal = call.isLimited ? this.#admission?.refusalToRun(call.arrivedAt) : undefined;
    if (refusal === undefined) call.run();
    else call.abandon(refusal);
  }

  #mayRun(): boolean {
    return this.#running < this.#options.maxConcurrentStreams && this.#sender.unsent <= this.#limits.maxUnsentBytes;
  }

  #release(stream: Stream): void {
    this.#requestBytes -= stream.heldBytes;
    stream.heldBytes = 0;
  }
}
