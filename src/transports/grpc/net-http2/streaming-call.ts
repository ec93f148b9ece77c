import type { CallMarks } from '../../../serving/served-call.ts';
import type { MessageEncoding } from '../grpc-message.ts';
import { MessageQueue } from '../message-queue.ts';
import type { FailedCall, StreamMethod } from '../service-table.ts';
import { StreamedCall, type StreamWire } from '../streamed-call.ts';
import { Stream } from './stream.ts';
import type { Admission, MethodHost, RunnableCall } from './unary-call.ts';

/** What a streaming call needs of the connection it came by. */
export interface StreamingHost extends MethodHost {
  /** That many bytes of the request are no longer held. */
  used(call: StreamingCall, bytes: number): void;
  /** The call fails. */
  failed(call: StreamingCall, error: unknown): void;
  /** Sends the head of the answer, a message of it, the end of it. */
  begin(call: StreamingCall): void;
  write(call: StreamingCall, message: Uint8Array): void;
  end(call: StreamingCall, hasBegun: boolean, failure: { readonly error: unknown } | undefined): void;
  /** The message that was written last is not to be sent. */
  takeBack(call: StreamingCall): void;
}

/** What a call's head says of it. */
export interface StreamingHead {
  readonly method: StreamMethod;
  readonly encoding: MessageEncoding;
  readonly contentLength: number | undefined;
  readonly marks: CallMarks | undefined;
}

/**
 * A call of a method with streams both ways. Its method runs from the start; how fast it takes messages decides how much more the
 * client may send.
 */
export class StreamingCall extends Stream implements RunnableCall, StreamWire {
  /** It may go on for hours; what it may cost is limited otherwise. */
  readonly isLimited = false;
  readonly #host: StreamingHost;
  readonly #method: StreamMethod;
  readonly #queue: MessageQueue;
  readonly #call: StreamedCall;
  #hasBegun = false;

  /** @param times the client's deadline, infinite where it set none, and how long the call may wait for its client */
  constructor(
    id: number,
    head: StreamingHead,
    times: { readonly deadline: number; readonly idleMs: number },
    sendWindow: number,
    host: StreamingHost,
  ) {
    super(id, times.deadline, head.contentLength, sendWindow);
    this.outgoingIsLast = false;
    this.#host = host;
    this.#method = head.method;
    this.#queue = new MessageQueue(host.maxMessageBytes, head.encoding);
    this.#call = new StreamedCall({
      method: head.method,
      source: this.#queue,
      wire: this,
      ...times,
      marks: head.marks,
      peer: host.peer,
      connection: host,
      onFailure: (error) => host.failed(this, error),
    });
  }

  get path(): string {
    return this.#method.path;
  }

  /** The call as its method sees it. */
  get call(): FailedCall {
    return this.#call;
  }

  /** Goes on when it is known who calls, and ends where that is nobody who may. */
  admitAs(admission: Admission, goOn: () => void): void {
    this.#call.admitAs(admission, goOn);
  }

  override get isRunning(): boolean {
    return this.#call.isRunning;
  }

  override get expiresAt(): number {
    return this.#call.expiresAt;
  }

  override get isFull(): boolean {
    return !this.#queue.needsMore;
  }

  override receive(bytes: Buffer, start: number, end: number): number {
    if (this.#call.isOver || start === end) return 0;
    this.#queue.push(bytes.subarray(start, end));
    this.heldBytes += end - start;
    this.#call.arrived();
    return end - start;
  }

  override complete(): void {
    this.#call.requestEnded();
  }

  run(): void {
    if (this.#call.isOver) return;
    this.#host.began(this);
    this.#call.run();
  }

  override expire(): void {
    this.#call.expire();
  }

  override drain(): void {
    this.#call.drain();
  }

  override abandon(error: unknown): void {
    this.#call.abandon(error);
  }

  override sent(): void {
    super.sent();
    this.outgoingSent = 0;
    this.#call.sent();
  }

  override close(): void {
    super.close();
    this.#queue.clear();
    this.#call.leave();
  }

  /** Part of {@link StreamWire}. */
  taken(): void {
    this.#host.used(this, this.heldBytes - this.#queue.held);
  }

  /** Part of {@link StreamWire}. */
  write(message: Uint8Array): void {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#host.begin(this);
    }
    this.#host.write(this, message);
  }

  /** Part of {@link StreamWire}. */
  takeBack(): boolean {
    if (this.outgoingSent > 0) return false;
    this.#host.takeBack(this);
    return true;
  }

  /** Part of {@link StreamWire}. */
  end(failure: { readonly error: unknown } | undefined): void {
    // An answer without messages has a head all the same.
    if (failure === undefined && !this.#hasBegun) this.#host.begin(this);
    this.#host.end(this, this.#hasBegun, failure);
  }

  /** Part of {@link StreamWire}. */
  settled(): void {
    this.#host.settled(this);
  }
}
