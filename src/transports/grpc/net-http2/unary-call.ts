import type { TraceContext } from '../../../encoding/trace-context.ts';
import type { Caller } from '../../../registry/access/caller.ts';
import type { CallObserver } from '../../../serving/call-observer.ts';
import type { CallMarks, PeerKind, ServedCall } from '../../../serving/served-call.ts';
import { TransportError } from '../../transport-error.ts';
import { traceOf } from '../call-marks.ts';
import { type MessageEncoding, MessageReader, PREFIX_LENGTH, tooManyMessages } from '../grpc-message.ts';
import type { UnaryMethod } from '../service-table.ts';
import { Stream } from './stream.ts';

/** A stream that is a call of a method. */
export interface RunnableCall extends Stream {
  /** It counts among the calls under way, and may be turned away. */
  readonly isLimited: boolean;
  /** Runs the method. */
  run(): void;
}

/** What a call of either kind needs of the connection it came by. */
export interface MethodHost {
  readonly peer: PeerKind;
  readonly maxMessageBytes: number;
  /** The method can be run: runs the call now, or when its turn has come. */
  ready(call: RunnableCall): void;
  /** The method has begun, and has settled. */
  began(call: RunnableCall): void;
  settled(call: RunnableCall): void;
}

/** What a unary call needs of the connection it came by. */
export interface CallHost extends MethodHost {
  readonly maxDeadlineMs: number;
  answer(call: UnaryCall, message: Uint8Array): void;
  fail(call: UnaryCall, error: unknown): void;
  /** Memory for an answer, and its way back. */
  allocate(bytes: number): Uint8Array;
  release(memory: Uint8Array): void;
}

/** Who calls: known, about to be known, or of no interest. */
export type Admission = Caller | Promise<Caller> | undefined;

/** What a call's head says of it. */
export interface CallHead {
  readonly method: UnaryMethod;
  readonly isLimited: boolean;
  readonly encoding: MessageEncoding;
  readonly timeoutMs: number | undefined;
  readonly contentLength: number | undefined;
  readonly marks: CallMarks | undefined;
}

/**
 * A unary call: collects the request, runs the method, hands the answer over. It ends exactly once: with an answer, with a
 * failure, or because the stream closed first.
 */
export class UnaryCall extends Stream implements ServedCall, RunnableCall {
  /** Part of {@link ServedCall}. */
  trace: TraceContext | undefined;
  observer: CallObserver | undefined;
  readonly #host: CallHost;
  readonly #head: CallHead;
  /** Who calls is not known yet. */
  #awaitsCaller = false;
  #knownCaller: Caller | undefined;
  #message: Uint8Array | undefined;
  #reader: MessageReader | undefined;
  #memory: Uint8Array | undefined;
  #caller: AbortController | undefined;
  /** The answer or failure is on its way, or never will be. */
  #ended = false;
  #running = false;
  /** Nobody waits for the answer any more. */
  #abandoned = false;

  constructor(id: number, head: CallHead, admission: Admission, deadline: number, sendWindow: number, host: CallHost) {
    super(id, deadline, head.contentLength, sendWindow);
    this.#head = head;
    this.#host = host;
    if (admission instanceof Promise) this.#await(admission);
    else this.#knownCaller = admission;
    this.trace = traceOf(head.marks);
  }

  /** Part of {@link ServedCall}. */
  get caller(): Caller | undefined {
    return this.#knownCaller;
  }

  get marks(): CallMarks | undefined {
    return this.#head.marks;
  }

  get peer(): PeerKind {
    return this.#host.peer;
  }

  get deadlineIsOurs(): boolean {
    const { timeoutMs } = this.#head;
    return timeoutMs === undefined || timeoutMs > this.#host.maxDeadlineMs;
  }

  get path(): string {
    return this.#head.method.path;
  }

  get isLimited(): boolean {
    return this.#head.isLimited;
  }

  override get isRunning(): boolean {
    return this.#running;
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

  /** Part of {@link ServedCall}. Only what was given last can be the answer; anything else is collected like other memory. */
  allocateAnswer(bytes: number): Uint8Array {
    const memory = this.#host.allocate(bytes);
    this.#memory = memory;
    return memory;
  }

  override receive(bytes: Buffer, start: number, end: number, isLast: boolean): number {
    const length = end - start;
    if (this.#ended || length === 0) return 0;
    if (isLast && this.#message === undefined && this.#reader === undefined && this.#isWhole(bytes, start, length)) {
      // The message is kept while the method runs; the bytes it came in are not.
      this.#message = Buffer.from(bytes.subarray(start + PREFIX_LENGTH, end));
      this.heldBytes = length;
      return length;
    }
    try {
      if (this.#message !== undefined) throw tooManyMessages();
      const piece = bytes.subarray(start, end);
      if (this.#reader !== undefined) this.#reader.push(piece);
      else {
        this.#reader = new MessageReader(this.#host.maxMessageBytes);
        this.#reader.push(Buffer.from(piece));
      }
    } catch (error) {
      this.#fail(error);
      return 0;
    }
    this.heldBytes += length;
    return length;
  }

  override complete(): void {
    if (!this.#ended && !this.#awaitsCaller) this.#host.ready(this);
  }

  /** Runs the method. */
  run(): void {
    if (this.#ended) return;
    this.#running = true;
    this.#host.began(this);
    try {
      const { method } = this.#head;
      const message = this.#takeMessage();
      const answer =
        message instanceof Promise ? message.then((bytes) => method.handle(bytes, this)) : method.handle(message, this);
      if (answer instanceof Promise) {
        answer.then(
          (bytes) => this.#settle(bytes),
          (error) => this.#settleFailed(error),
        );
      } else this.#settle(answer);
    } catch (error) {
      this.#settleFailed(error);
    }
  }

  /** Also tells the method, if it runs, that nobody waits any more. */
  override abandon(error: unknown): void {
    if (this.#ended) return;
    this.#fail(error);
    this.#leave();
  }

  override expire(): void {
    this.abandon(new TransportError('DEADLINE_EXCEEDED', 'The deadline passed before the answer was complete.'));
  }

  /** A caller that was answered has not gone away. */
  override close(): void {
    super.close();
    this.#message = undefined;
    this.#reader = undefined;
    if (!this.#running) this.#releaseMemory();
    if (this.#ended) return;
    this.#ended = true;
    this.#leave();
  }

  override sent(): void {
    super.sent();
    this.#releaseMemory();
  }

  /** The request may come meanwhile; it is not unpacked. */
  #await(admission: Promise<Caller>): void {
    this.#awaitsCaller = true;
    admission.then(
      (caller) => {
        this.#awaitsCaller = false;
        this.#knownCaller = caller;
        if (this.requestEnded) this.complete();
      },
      (error: unknown) => this.abandon(error),
    );
  }

  /** Whether one frame holds the whole request: one message, as it is, within the limit. */
  #isWhole(bytes: Buffer, start: number, length: number): boolean {
    const announced = length - PREFIX_LENGTH;
    return (
      announced >= 0 &&
      announced <= this.#host.maxMessageBytes &&
      bytes[start] === 0 &&
      bytes.readUInt32BE(start + 1) === announced
    );
  }

  #takeMessage(): Uint8Array | Promise<Uint8Array> {
    const message = this.#message;
    if (message !== undefined) {
      this.#message = undefined;
      return message;
    }
    const reader = this.#reader ?? new MessageReader(this.#host.maxMessageBytes);
    this.#reader = undefined;
    return reader.finish(this.#head.encoding);
  }

  #settle(answer: Uint8Array): void {
    this.#running = false;
    this.#host.settled(this);
    // A view of the memory that was asked for is in use like the whole.
    if (this.#ended || answer.buffer !== this.#memory?.buffer) this.#releaseMemory();
    if (this.#ended) return;
    this.#ended = true;
    this.#host.answer(this, answer);
  }

  #settleFailed(error: unknown): void {
    this.#running = false;
    this.#host.settled(this);
    this.#releaseMemory();
    if (!this.#ended) this.#fail(error);
  }

  #fail(error: unknown): void {
    this.#ended = true;
    this.#host.fail(this, error);
  }

  #releaseMemory(): void {
    const memory = this.#memory;
    if (memory === undefined) return;
    this.#memory = undefined;
    this.#host.release(memory);
  }

  #leave(): void {
    this.#abandoned = true;
    this.#caller?.abort();
  }
}
