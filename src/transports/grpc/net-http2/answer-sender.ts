import type { Socket } from 'node:net';
import { PREFIX_LENGTH } from '../grpc-message.ts';
import type { GrpcFailure } from '../grpc-status.ts';
import { AnswerBlocks, MAX_ANSWER_BLOCKS } from './answer-blocks.ts';
import type { ForeignAnswer } from './call-plan.ts';
import { FrameOutput, OUTPUT_BLOCK } from './frame-output.ts';
import type { MemoryPool } from './memory-pool.ts';
import { DEFAULT_FRAME_SIZE, DEFAULT_WINDOW, Flag, FRAME_HEAD, FrameType, MAX_WINDOW } from './protocol.ts';
import type { Stream } from './stream.ts';

/** If less room than this is left in a block, it stays empty rather than being filled with a small frame. */
const LEAST_PIECE = 1_024;

export interface AnswerSenderHost {
  /** The last byte of an answer has been written. */
  sent(stream: Stream): void;
  /** The socket has taken something. */
  taken(): void;
}

/**
 * Everything that one connection sends. Frames gather until the turn of the event loop ends and leave in one write. Answers go
 * as far as the client's windows and the socket allow; the rest waits here, first come first served.
 */
export class AnswerSender {
  readonly #host: AnswerSenderHost;
  readonly #output: FrameOutput;
  readonly #blocks = new AnswerBlocks();
  readonly #maxBacklog: number;
  /** Streams with bytes to send, in the order in which they began to wait. An array rather than a set, for the reason given in `encoding/roster.ts`. */
  readonly #waiting: Stream[] = [];
  readonly #flush = () => this.#flushAll();
  #scheduled = false;
  /** The socket has enough for now. */
  #stalled = false;
  #unsent = 0;
  #window = DEFAULT_WINDOW;
  #streamWindow = DEFAULT_WINDOW;
  #maxFrame = DEFAULT_FRAME_SIZE;

  constructor(socket: Socket, pool: MemoryPool, maxBacklog: number, host: AnswerSenderHost) {
    this.#host = host;
    this.#maxBacklog = maxBacklog;
    this.#output = new FrameOutput(socket, pool, () => {
      if (this.#stalled) this.schedule();
      host.taken();
    });
  }

  /** Bytes of answers that the client's windows, or the socket, hold back. */
  get unsent(): number {
    return this.#unsent;
  }

  /** Bytes that were written and that the system has not taken. */
  get backlog(): number {
    return this.#output.backlog;
  }

  /** What a new stream may send before the client asks for more. */
  get streamWindow(): number {
    return this.#streamWindow;
  }

  /** Answers a call with a message, which is looked at until {@link AnswerSenderHost.sent}. */
  answer(call: Stream, message: Uint8Array): void {
    const output = this.#output;
    const length = PREFIX_LENGTH + message.length;
    const fits = length <= DEFAULT_FRAME_SIZE && length <= this.#window && length <= call.sendWindow;
    output.reserve(MAX_ANSWER_BLOCKS + 3 * FRAME_HEAD + (fits ? length : 0));
    this.#headers(call.id, Flag.END_HEADERS, this.#blocks.head());
    this.schedule();
    if (!fits || this.#waiting.length > 0 || output.backlog >= this.#maxBacklog) {
      this.#wait(call, message);
      return;
    }
    this.#window -= length;
    output.head(length, FrameType.DATA, 0, call.id);
    output.prefix(message.length);
    output.bytes(message);
    this.#trailers(call.id);
    this.#host.sent(call);
  }

  /** Answers a call with a failure, behind what it {@link begin} where it did. */
  failure(id: number, failure: GrpcFailure, hasBegun = false): void {
    this.#onlyHeaders(id, this.#blocks.failure(failure, hasBegun));
  }

  /** Begins the answer of a call that has any number of messages. */
  begin(call: Stream): void {
    const block = this.#blocks.head();
    this.#output.reserve(FRAME_HEAD + block.length);
    this.#headers(call.id, Flag.END_HEADERS, block);
    this.schedule();
  }

  /** Sends one of them, which is looked at until {@link Stream.sent}. The one before it has left. */
  message(call: Stream, message: Uint8Array): void {
    this.#wait(call, message);
    this.schedule();
  }

  /** Says that it was the last. */
  end(id: number): void {
    this.#onlyHeaders(id, this.#blocks.trailers());
  }

  /** Answers what is not a gRPC call. */
  foreign(request: Stream, { fields, body }: ForeignAnswer): void {
    const block = this.#blocks.foreign(fields);
    if (body.length > 0) {
      this.#output.reserve(FRAME_HEAD + block.length);
      this.#headers(request.id, Flag.END_HEADERS, block);
      this.schedule();
      this.#wait(request, body);
    } else {
      this.#onlyHeaders(request.id, block);
      this.#host.sent(request);
    }
  }

  /** The stream is over, whatever has not left. */
  forget(stream: Stream): void {
    const place = this.#waiting.indexOf(stream);
    if (place < 0) return;
    this.#waiting.splice(place, 1);
    this.#unsent -= stream.outgoingLeft;
  }

  frame(type: number, flags: number, stream: number, payload: Uint8Array): void {
    this.#output.frame(type, flags, stream, payload);
    this.schedule();
  }

  /** A frame whose payload is one number: RST_STREAM, WINDOW_UPDATE. */
  number(type: number, stream: number, value: number): void {
    const output = this.#output;
    output.reserve(FRAME_HEAD + 4);
    output.head(4, type, 0, stream);
    output.uint32(value);
    this.schedule();
  }

  allowTableSize(size: number): void {
    this.#blocks.allowTableSize(size);
  }

  allowFrameSize(size: number): void {
    this.#maxFrame = size;
  }

  /** The client changes what every stream may send. @returns whether a window would become too large */
  setStreamWindow(size: number, streams: Iterable<Stream>): boolean {
    const change = size - this.#streamWindow;
    this.#streamWindow = size;
    for (const stream of streams) {
      stream.sendWindow += change;
      if (stream.sendWindow > MAX_WINDOW) return true;
    }
    this.#resume();
    return false;
  }

  /** The client takes more, of one stream or of all together. @returns whether the window would become too large */
  extend(stream: Stream | undefined, increment: number): boolean {
    if (stream === undefined) this.#window += increment;
    else stream.sendWindow += increment;
    if ((stream === undefined ? this.#window : stream.sendWindow) > MAX_WINDOW) return true;
    this.#resume();
    return false;
  }

  /** Everything leaves when this turn of the event loop has done what it has to do. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(this.#flush);
  }

  /** Everything leaves now. */
  flushNow(): void {
    this.#flushAll();
  }

  #resume(): void {
    if (this.#waiting.length > 0) this.schedule();
  }

  #flushAll(): void {
    this.#scheduled = false;
    do {
      this.#stalled = false;
      if (this.#waiting.length > 0) this.#pump();
      this.#output.flush();
    } while (this.#stalled && this.#output.backlog < this.#maxBacklog);
  }

  #wait(stream: Stream, outgoing: Uint8Array): void {
    stream.outgoing = outgoing;
    this.#unsent += stream.outgoingLeft;
    this.#waiting.push(stream);
  }

  #pump(): void {
    const waiting = this.#waiting;
    for (let place = 0; place < waiting.length; ) {
      const stream = waiting[place] as Stream;
      while (stream.outgoingLeft > 0) {
        if (this.#output.backlog >= this.#maxBacklog) {
          this.#stalled = true;
          return;
        }
        if (this.#window <= 0) return;
        if (stream.sendWindow <= 0) break;
        this.#data(stream);
      }
      if (stream.outgoingLeft > 0) {
        place++;
        continue;
      }
      waiting.splice(place, 1);
      if (!stream.outgoingIsLast) {
        stream.sent();
        continue;
      }
      if (stream.outgoingIsMessage) {
        this.#output.reserve(FRAME_HEAD + MAX_ANSWER_BLOCKS);
        this.#trailers(stream.id);
      }
      this.#host.sent(stream);
    }
  }

  /** One frame, as large as it can be. */
  #data(stream: Stream): void {
    const output = this.#output;
    const room = output.room - FRAME_HEAD;
    const left = stream.outgoingLeft;
    const most = Math.min(left, this.#window, stream.sendWindow, this.#maxFrame);
    const length = Math.min(most, room < Math.min(most, LEAST_PIECE) ? OUTPUT_BLOCK - FRAME_HEAD : room);
    const isEnd = length === left && !stream.outgoingIsMessage;
    output.reserve(FRAME_HEAD + length);
    output.head(length, FrameType.DATA, isEnd ? Flag.END_STREAM : 0, stream.id);
    if (stream.outgoingIsMessage) output.messagePiece(stream.outgoing, stream.outgoingSent, length);
    else output.bytes(stream.outgoing.subarray(stream.outgoingSent, stream.outgoingSent + length));
    stream.outgoingSent += length;
    stream.sendWindow -= length;
    this.#window -= length;
    this.#unsent -= length;
  }

  #trailers(stream: number): void {
    this.#headers(stream, Flag.END_HEADERS | Flag.END_STREAM, this.#blocks.trailers());
  }

  #onlyHeaders(stream: number, block: Uint8Array): void {
    this.#output.reserve(FRAME_HEAD + block.length);
    this.#headers(stream, Flag.END_HEADERS | Flag.END_STREAM, block);
    this.schedule();
  }

  #headers(stream: number, flags: number, block: Uint8Array): void {
    this.#output.head(block.length, FrameType.HEADERS, flags, stream);
    this.#output.bytes(block);
  }
}
