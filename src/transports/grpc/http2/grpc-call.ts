import { constants, type ServerHttp2Stream } from 'node:http2';
import type { CallOptions } from '../../../stores/online-store.ts';
import { type GrpcFailure, grpcFailureFrom } from '../grpc-status.ts';
import type { UnaryMethod } from '../service-table.ts';
import { answerHeaders, failureHeaders, okTrailers } from './grpc-headers.ts';
import { type MessageEncoding, MessageReader, PREFIX_LENGTH } from './grpc-message.ts';

const WITH_TRAILERS = { waitForTrailers: true };
const HEADERS_ONLY = { endStream: true };

/** What a call needs to know of the server it came to. */
export interface CallContext {
  readonly maxMessageBytes: number;
  readonly onFailure: (error: unknown, path: string) => void;
  readonly onEnd: (call: GrpcCall) => void;
}

/**
 * One unary call: collects the request, runs the method, sends the answer. It ends exactly once: with an answer, with a
 * failure, or because the stream closed first.
 */
export class GrpcCall implements CallOptions {
  readonly deadline: number;
  readonly #stream: ServerHttp2Stream;
  readonly #method: UnaryMethod;
  readonly #encoding: MessageEncoding;
  readonly #context: CallContext;
  readonly #reader: MessageReader;
  #caller: AbortController | undefined;
  #gone = false;
  #done = false;

  constructor(
    stream: ServerHttp2Stream,
    method: UnaryMethod,
    encoding: MessageEncoding,
    deadline: number,
    context: CallContext,
  ) {
    this.#stream = stream;
    this.#method = method;
    this.#encoding = encoding;
    this.deadline = deadline;
    this.#context = context;
    this.#reader = new MessageReader(context.maxMessageBytes);
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('end', () => this.#run());
    stream.on('close', () => this.#closed());
    // A reset by the client arrives as an error too; `close` follows and says all there is to know.
    stream.on('error', ignore);
    stream.on('wantTrailers', sendOk);
  }

  /** Made when somebody asks for it: most calls finish before anybody would listen. */
  get signal(): AbortSignal {
    this.#caller ??= new AbortController();
    if (this.#gone) this.#caller.abort();
    return this.#caller.signal;
  }

  /** Ends the call with an error, whatever it is doing. */
  fail(error: unknown): void {
    if (this.#done) return;
    const failure: GrpcFailure = grpcFailureFrom(error);
    this.#context.onFailure(error, this.#method.path);
    this.#finish();
    if (this.#stream.destroyed || this.#stream.closed) return;
    this.#stream.respond(failureHeaders(failure), HEADERS_ONLY);
    // What the caller still sends is of no use: without this it would fill the flow-control window and wait.
    if (!this.#stream.readableEnded) this.#stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #receive(chunk: Buffer): void {
    if (this.#done) return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.fail(error);
    }
  }

  #run(): void {
    if (this.#done) return;
    try {
      const message = this.#reader.finish(this.#encoding);
      const answer = message instanceof Promise ? this.#handleLater(message) : this.#method.handle(message, this);
      if (answer instanceof Promise) answer.then(this.#answer, this.#fail);
      else this.#answer(answer);
    } catch (error) {
      this.fail(error);
    }
  }

  async #handleLater(message: Promise<Buffer>): Promise<Uint8Array> {
    return this.#method.handle(await message, this);
  }

  readonly #fail = (error: unknown): void => this.fail(error);

  readonly #answer = (message: Uint8Array): void => {
    if (this.#done) return;
    this.#finish();
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    stream.respond(answerHeaders, WITH_TRAILERS);
    stream.end(framed(message));
  };

  #closed(): void {
    this.#gone = true;
    this.#caller?.abort();
    this.#finish();
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#context.onEnd(this);
  }
}

function sendOk(this: ServerHttp2Stream): void {
  this.sendTrailers(okTrailers);
}

function ignore(): void {}

/** The message behind its prefix, in one buffer: two writes would be two DATA frames. */
function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_LENGTH + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_LENGTH);
  return frame;
}
