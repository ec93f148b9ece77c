import type { Socket } from 'node:net';
import type { TransportError } from '../../transport-error.ts';
import { peerKindOf } from '../call-marks.ts';
import type { ServedConnection } from '../connection-set.ts';
import { AnswerSender, type AnswerSenderHost } from './answer-sender.ts';
import { ClientFrames, type FramesHost } from './client-frames.ts';
import { FrameReader } from './frame-reader.ts';
import { ConnectionFault, DEFAULT_WINDOW, ErrorCode, FrameType, MAX_STREAM_ID } from './protocol.ts';
import type { ServerContext } from './server-context.ts';
import { settingsPayload } from './settings.ts';
import type { Stream } from './stream.ts';
import { Streams } from './streams.ts';

/** Clients that gRPC serves know this text: they ping less from then on. */
const TOO_MANY_PINGS = 'too_many_pings';
/** Payloads of our own pings, eight bytes each. */
const ALIVE = Buffer.from('alive?..');
const LEAVING = Buffer.from('leaving.');

/**
 * What is larger holds more than a usual call. Calls that came together are begun when all of it has been read: some may have been
 * cancelled in the same piece, by a client that resets as fast as it calls, or because this process stood still and their deadlines
 * have passed. A single small call, the usual case, is spared the detour.
 */
const MANY_BYTES = 1024;

const HTTP1_REQUEST = /^[A-Z]+ \S+ HTTP\/1\.[01]\r?\n/;
const MAX_REQUEST_LINE = 2_048;
const HTTP1_ANSWER =
  'HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\ncontent-type: text/plain\r\n\r\n' +
  'This port speaks gRPC over HTTP/2.\n';

/** One client's connection: how it begins and ends, and whether anybody is there. */
export class Connection implements ServedConnection, FramesHost, AnswerSenderHost {
  /** Settles when the socket is closed. */
  readonly hungUp: Promise<void>;
  readonly #context: ServerContext;
  readonly #socket: Socket;
  readonly #sender: AnswerSender;
  readonly #reader: FrameReader;
  readonly #streams: Streams;
  readonly #frames: ClientFrames;
  readonly #connectedAt = Date.now();
  #hasGreeted = false;
  #awaitsPong = false;
  /** Calls that would go on for long come to an end when the connection does. */
  #endsStreams = false;
  /** `leaving`: has said that it will go, and takes what comes in the meantime. `ending`: has hung up on its side. */
  #phase: 'open' | 'leaving' | 'closing' | 'ending' = 'open';
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, context: ServerContext) {
    const { limits, memory } = context;
    this.#socket = socket;
    this.#context = context;
    this.#sender = new AnswerSender(socket, memory, limits.maxSocketBacklog, this);
    const peer = peerKindOf(socket);
    this.#streams = new Streams({ ...context, sender: this.#sender, peer, changed: () => this.#changed() });
    this.#frames = new ClientFrames(context, this.#sender, this.#streams, this);
    this.#reader = new FrameReader(this.#frames, limits);
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
    // A broken connection concerns the client alone; `close` follows.
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

  get callsBegun(): number {
    return this.#frames.lastStream;
  }

  get awaitsPong(): boolean {
    return this.#awaitsPong;
  }

  /** Ends what takes too long. */
  sweep(now: number): void {
    if (this.#phase === 'ending') return;
    this.#streams.sweep(now);
    if (!this.#frames.knowsSettings && now > this.#connectedAt + this.#context.limits.settingsTimeoutMs) {
      this.greeted();
      this.#context.options.onLimit?.('settings');
      this.#giveUp(ErrorCode.SETTINGS_TIMEOUT, 'the settings were not acknowledged');
    }
  }

  /** Asks the client whether it is there. */
  checkAlive(): void {
    this.#awaitsPong = true;
    if (this.#hasGreeted) this.#sender.frame(FrameType.PING, 0, 0, ALIVE);
  }

  /**
   * Closes without losing a call, in two steps. A GOAWAY that names no call tells the client to make new ones elsewhere; those
   * that are on their way are taken. The answer to a ping tells that it knows. Then another GOAWAY names the last call that was
   * taken, and the connection closes behind it.
   */
  retire(): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'leaving';
    this.greeted();
    this.#goaway(MAX_STREAM_ID, ErrorCode.NO_ERROR, '');
    this.#sender.frame(FrameType.PING, 0, 0, LEAVING);
    // If it was this process that stood still, calls and the answer to the ping lie unread: they are taken in first.
    this.#after(this.#context.limits.hangUpMs, () => setImmediate(() => this.#leave()));
  }

  /** The same; calls that would go on for long come to an end. */
  drain(): void {
    this.#endsStreams = true;
    this.#streams.drain();
    this.retire();
  }

  /** Answers every call that is still open with an error. */
  abandon(error: TransportError): void {
    this.#streams.abandon(error);
    this.retire();
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

  /** Part of {@link FramesHost}: the settings come first of all that is sent. */
  greeted(): void {
    if (this.#hasGreeted) return;
    this.#hasGreeted = true;
    const { options, limits } = this.#context;
    this.#sender.frame(FrameType.SETTINGS, 0, 0, settingsPayload(options.maxConcurrentStreams, limits));
    this.#sender.number(FrameType.WINDOW_UPDATE, 0, limits.connectionWindow - DEFAULT_WINDOW);
  }

  /** Part of {@link FramesHost}. */
  notHttp2(bytes: Buffer): void {
    if (HTTP1_REQUEST.test(bytes.toString('latin1', 0, MAX_REQUEST_LINE))) this.#socket.write(HTTP1_ANSWER);
    this.#end(this.#context.limits.hangUpMs);
  }

  /** Part of {@link FramesHost}. */
  ponged(payload: Uint8Array): boolean {
    if (ALIVE.equals(payload)) this.#awaitsPong = false;
    else if (LEAVING.equals(payload) && this.#phase === 'leaving') this.#leave();
    else return false;
    return true;
  }

  /** Part of {@link FramesHost}. */
  tooManyPings(): void {
    this.#context.options.onLimit?.('pings');
    this.#giveUp(ErrorCode.ENHANCE_YOUR_CALM, TOO_MANY_PINGS);
  }

  /** Part of {@link FramesHost}. */
  bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  #receive(chunk: Buffer): void {
    const now = Date.now();
    this.#frames.now = now;
    this.#frames.arrivedAt = this.#context.admission?.arrival(now) ?? now;
    try {
      if (chunk.length < MANY_BYTES) this.#reader.push(chunk);
      else this.#streams.lookThrough(() => this.#reader.push(chunk));
    } catch (error) {
      const isFault = error instanceof ConnectionFault;
      if (!isFault) this.#context.options.onFailure(error, undefined);
      else if (error.limit !== undefined) this.#context.options.onLimit?.(error.limit);
      this.#giveUp(isFault ? error.errorCode : ErrorCode.INTERNAL_ERROR, isFault ? error.message : '');
      return;
    }
    this.#frames.askForMore();
    if (this.#sender.backlog > this.#context.limits.maxReplyBacklog) this.#socket.pause();
  }

  /** A call is over. */
  #changed(): void {
    this.#streams.runHeld();
    this.#frames.askForMore();
    if (this.#phase === 'closing' && this.#streams.size === 0) this.#end(this.#context.limits.lastAnswerMs);
  }

  /** The second step of {@link retire}: no further call is taken, and those that came are answered. */
  #leave(): void {
    if (this.#phase !== 'leaving') return;
    this.#phase = 'closing';
    this.#frames.takeNoMore();
    // Also those that came in the meantime.
    if (this.#endsStreams) this.#streams.drain();
    this.#goaway(this.#frames.lastStream, ErrorCode.NO_ERROR, '');
    clearTimeout(this.#timer);
    if (this.#streams.size === 0) this.#end(this.#context.limits.hangUpMs);
  }

  /** Ends the connection for a fault of the client, with the calls on it. */
  #giveUp(errorCode: number, text: string): void {
    if (this.#phase === 'ending') return;
    this.#goaway(this.#frames.lastStream, errorCode, text);
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
