import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { TraceContext } from '../../../encoding/trace-context.ts';
import type { Caller } from '../../../registry/access/caller.ts';
import type { CallObserver } from '../../../serving/call-observer.ts';
import type { CallMarks, PeerKind, ServedCall } from '../../../serving/served-call.ts';
import { TransportError } from '../../transport-error.ts';
import { traceOf } from '../call-marks.ts';
import { answerHeaders, failureHeaders, okTrailers } from '../grpc-headers.ts';
import { type MessageEncoding, MessageReader, PREFIX_LENGTH } from '../grpc-message.ts';
import { grpcFailureFrom } from '../grpc-status.ts';
import type { GrpcServerOptions, UnaryMethod } from '../service-table.ts';

/** The date would say nothing to a gRPC client. */
export const WITH_TRAILERS = { waitForTrailers: true, sendDate: false };
const HEADERS_ONLY = { endStream: true, sendDate: false };
/** From this size on, an answer is not copied behind its prefix: node's pool has no room for the copy, and allocating costs more. */
const LARGE_ANSWER = 4000;

/** Who calls: known, about to be known, or of no interest. */
export type Admission = Caller | Promise<Caller> | undefined;

/** A call, as the connection that it came by looks after it. */
export interface ConnectionCall {
  /** When it is to be ended from outside, in milliseconds since the Unix epoch. */
  readonly expiresAt: number;
  /** It counts among the calls under way, and may be turned away. */
  readonly isLimited: boolean;
  /** When the turn began in which its request was there, in milliseconds since the Unix epoch. */
  readonly arrivedAt: number;
  /** Runs the method. */
  run(): void;
  /** Answers with an error and tells the method, if it runs, that nobody waits any more. */
  abandon(error: unknown): void;
  /** The time is up that `expiresAt` says. */
  expire(): void;
  /** The server stops: what would go on for long comes to an end. */
  drain(): void;
  /** Ends the call although its answer has not left. */
  cut(): void;
}

/** What a call's head says of it. */
export interface CallHead {
  readonly method: UnaryMethod;
  readonly encoding: MessageEncoding;
  readonly isLimited: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly deadline: number;
  readonly deadlineIsOurs: boolean;
  readonly marks: CallMarks | undefined;
}

/** What a call needs to know of the connection it came by. */
export interface CallHost {
  readonly options: Pick<GrpcServerOptions, 'maxMessageBytes' | 'onFailure'>;
  readonly peer: PeerKind;
  /** The request is complete: runs the call now, or when the client has taken enough of the answers before it. */
  ready(call: ConnectionCall): void;
  /** When the turn began in which a request was there, in milliseconds since the Unix epoch. */
  arrival(): number;
  /** The method of a call that is limited has begun, and has settled. */
  began(): void;
  settled(): void;
  /** That many bytes of an answer wait for the client. */
  answered(bytes: number): void;
  /** The stream is closed: nothing of the call is left. */
  closed(call: ConnectionCall, answerBytes: number): void;
}

/**
 * One unary call: collects the request, runs the method, sends the answer. It ends exactly once: with an answer, with a
 * failure, or because the stream closed first.
 */
export class GrpcCall implements ServedCall, ConnectionCall {
  readonly deadline: number;
  readonly deadlineIsOurs: boolean;
  /** Who calls, once that is known. */
  caller: Caller | undefined;
  readonly marks: CallMarks | undefined;
  trace: TraceContext | undefined;
  observer: CallObserver | undefined;
  readonly #stream: ServerHttp2Stream;
  readonly isLimited: boolean;
  arrivedAt = 0;
  readonly #method: UnaryMethod;
  readonly #encoding: MessageEncoding;
  readonly #host: CallHost;
  readonly #reader: MessageReader;
  #caller: AbortController | undefined;
  /** Nobody waits for the answer any more. */
  #abandoned = false;
  /** The answer or failure is on its way, or never will be. */
  #ended = false;
  #answerBytes = 0;
  /** Who calls is not known yet. */
  #awaitsCaller = false;
  #isComplete = false;
  /** Its method runs and counts among those under way. */
  #isCounted = false;

  constructor(
    stream: ServerHttp2Stream,
    { method, encoding, isLimited, deadline, deadlineIsOurs, marks }: CallHead,
    admission: Admission,
    host: CallHost,
  ) {
    this.marks = marks;
    this.trace = traceOf(marks);
    this.#stream = stream;
    this.isLimited = isLimited;
    this.#method = method;
    this.#encoding = encoding;
    this.deadline = deadline;
    this.deadlineIsOurs = deadlineIsOurs;
    this.#host = host;
    this.#reader = new MessageReader(host.options.maxMessageBytes);
    stream.on('data', (frame: Buffer) => this.#receive(frame));
    stream.on('end', () => {
      // Also comes when the client resets the stream in the middle of its request.
      if (this.#ended || stream.closed) return;
      this.#isComplete = true;
      this.arrivedAt = host.arrival();
      if (!this.#awaitsCaller) host.ready(this);
    });
    if (admission instanceof Promise) this.#await(admission);
    else this.caller = admission;
    stream.on('close', () => this.#closed());
    // A reset by the client arrives as an error too; `close` follows and says all there is to know.
    stream.on('error', ignore);
    stream.on('wantTrailers', sendOk);
  }

  get expiresAt(): number {
    return this.deadline;
  }

  get peer(): PeerKind {
    return this.#host.peer;
  }

  /** Made when somebody asks for it: most calls finish before anybody would listen. */
  get signal(): AbortSignal {
    this.#caller ??= new AbortController();
    if (this.#abandoned) this.#caller.abort();
    return this.#caller.signal;
  }

  get cancelled(): boolean {
    return this.#abandoned;
  }

  run(): void {
    if (this.#ended) return;
    this.#isCounted = this.isLimited;
    if (this.#isCounted) this.#host.began();
    try {
      const message = this.#reader.finish(this.#encoding);
      const answer = message instanceof Promise ? this.#runUnpacked(message) : this.#method.handle(message, this);
      if (answer instanceof Promise) {
        answer.then(
          (bytes) => this.#answer(bytes),
          (error) => this.#methodFailed(error),
        );
      } else this.#answer(answer);
    } catch (error) {
      this.#methodFailed(error);
    }
  }

  abandon(error: unknown): void {
    if (this.#ended) return;
    this.#fail(error);
    this.#leave();
  }

  expire(): void {
    this.abandon(new TransportError('DEADLINE_EXCEEDED', 'The deadline passed before the answer was complete.'));
  }

  drain(): void {}

  cut(): void {
    this.#stream.destroy();
  }

  /** The request may come meanwhile; it is not unpacked. */
  #await(admission: Promise<Caller>): void {
    this.#awaitsCaller = true;
    admission.then(
      (caller) => {
        this.#awaitsCaller = false;
        this.caller = caller;
        if (this.#isComplete && !this.#ended) this.#host.ready(this);
      },
      (error: unknown) => this.abandon(error),
    );
  }

  async #runUnpacked(message: Promise<Buffer>): Promise<Uint8Array> {
    return this.#method.handle(await message, this);
  }

  #receive(frame: Buffer): void {
    if (this.#ended) return;
    try {
      this.#reader.push(frame);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The method is over, if it ran. */
  #settled(): void {
    if (!this.#isCounted) return;
    this.#isCounted = false;
    this.#host.settled();
  }

  #answer(message: Uint8Array): void {
    this.#settled();
    if (this.#ended) return;
    this.#ended = true;
    const stream = this.#stream;
    // Closed already, and about to say so.
    if (stream.destroyed || stream.closed) return;
    stream.respond(answerHeaders, WITH_TRAILERS);
    this.#answerBytes = message.length;
    this.#host.answered(message.length);
    if (message.length < LARGE_ANSWER) stream.end(framed(message));
    else {
      // Corked, the two leave in the same write and the same DATA frame.
      stream.cork();
      stream.write(prefixOf(message));
      stream.end(message);
    }
  }

  #methodFailed(error: unknown): void {
    this.#settled();
    this.#fail(error);
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#host.options.onFailure(error, this.#method.path, this);
    refuse(this.#stream, failureHeaders(grpcFailureFrom(error)));
  }

  #closed(): void {
    // A caller that was answered has not gone away.
    if (!this.#ended) this.#leave();
    this.#ended = true;
    this.#host.closed(this, this.#answerBytes);
  }

  #leave(): void {
    this.#abandoned = true;
    this.#caller?.abort();
  }
}

/** Answers with headers alone. What the client would still send is not needed, and is stopped. */
export function refuse(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders): void {
  if (stream.destroyed || stream.closed) return;
  if (stream.listenerCount('error') === 0) stream.on('error', ignore);
  stream.respond(headers, HEADERS_ONLY);
  stream.resume();
  if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
}

function sendOk(this: ServerHttp2Stream): void {
  this.sendTrailers(okTrailers);
}

function ignore(): void {}

/** The message behind its prefix, in one buffer. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_LENGTH + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_LENGTH);
  return frame;
}

function prefixOf(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(PREFIX_LENGTH);
  prefix.writeUInt32BE(message.length, 1);
  return prefix;
}
