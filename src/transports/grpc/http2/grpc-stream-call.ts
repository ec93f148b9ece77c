import type { ServerHttp2Stream } from 'node:http2';
import type { CallMarks } from '../../../serving/served-call.ts';
import { answerHeaders, failureHeaders, failureTrailers, okTrailers } from '../grpc-headers.ts';
import type { MessageEncoding } from '../grpc-message.ts';
import { grpcFailureFrom } from '../grpc-status.ts';
import { MessageQueue } from '../message-queue.ts';
import type { StreamMethod } from '../service-table.ts';
import { StreamedCall, type StreamWire } from '../streamed-call.ts';
import { type Admission, type CallHost, type ConnectionCall, framed, refuse, WITH_TRAILERS } from './grpc-call.ts';

/** A call of a method with streams both ways. While its method takes no messages, nothing more is read of it. */
export class GrpcStreamCall implements ConnectionCall, StreamWire {
  /** It may go on for hours; what it may cost is limited otherwise. */
  readonly isLimited = false;
  readonly arrivedAt = 0;
  readonly #stream: ServerHttp2Stream;
  readonly #queue: MessageQueue;
  readonly #call: StreamedCall;
  #hasBegun = false;

  /** @param times the client's deadline, infinite where it set none, and how long the call may wait for its client */
  constructor(
    stream: ServerHttp2Stream,
    method: StreamMethod,
    encoding: MessageEncoding,
    times: { readonly deadline: number; readonly idleMs: number },
    marks: CallMarks | undefined,
    host: CallHost,
  ) {
    this.#stream = stream;
    this.#queue = new MessageQueue(host.options.maxMessageBytes, encoding);
    this.#call = new StreamedCall({
      method,
      source: this.#queue,
      wire: this,
      ...times,
      marks,
      peer: host.peer,
      connection: host,
      onFailure: (error) => host.options.onFailure(error, method.path, this.#call),
    });
    stream.on('data', (frame: Buffer) => this.#receive(frame));
    stream.on('end', () => {
      // Also comes when the client resets the stream in the middle of its request.
      if (!stream.closed) this.#call.requestEnded();
    });
    stream.on('close', () => {
      this.#queue.clear();
      this.#call.leave();
      host.closed(this, 0);
    });
    // A reset by the client arrives as an error too; `close` follows and says all there is to know.
    stream.on('error', () => {});
  }

  /** Goes on when it is known who calls, and ends where that is nobody who may. */
  admitAs(admission: Admission, goOn: () => void): void {
    this.#call.admitAs(admission, goOn);
  }

  get expiresAt(): number {
    return this.#call.expiresAt;
  }

  run(): void {
    this.#call.run();
  }

  abandon(error: unknown): void {
    this.#call.abandon(error);
  }

  expire(): void {
    this.#call.expire();
  }

  drain(): void {
    this.#call.drain();
  }

  cut(): void {
    this.#stream.destroy();
  }

  /** Part of {@link StreamWire}. */
  taken(): void {
    if (this.#queue.needsMore && this.#stream.isPaused()) this.#stream.resume();
  }

  /** Part of {@link StreamWire}. */
  write(message: Uint8Array): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    this.#begin();
    stream.write(framed(message), () => this.#call.sent());
  }

  /** Part of {@link StreamWire}. */
  takeBack(): boolean {
    return false;
  }

  /** Part of {@link StreamWire}. */
  end(failure: { readonly error: unknown } | undefined): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    if (failure !== undefined && !this.#hasBegun) {
      refuse(stream, failureHeaders(grpcFailureFrom(failure.error)));
      return;
    }
    this.#begin();
    const trailers = failure === undefined ? okTrailers : failureTrailers(grpcFailureFrom(failure.error));
    stream.once('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end();
    // A reset would overtake the trailers: what the client still sends is passed over until it ends its side, or is cut off.
    stream.resume();
  }

  /** Part of {@link StreamWire}. */
  settled(): void {}

  #receive(frame: Buffer): void {
    if (this.#call.isOver) return;
    this.#queue.push(frame);
    this.#call.arrived();
    if (!this.#queue.needsMore) this.#stream.pause();
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#stream.respond(answerHeaders, WITH_TRAILERS);
  }
}
