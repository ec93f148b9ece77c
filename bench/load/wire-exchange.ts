import { connect, type Socket } from 'node:net';
import type { Done, Exchange, WireEndpoint } from './exchange.ts';

// Frames of HTTP/2 by number, and flags (RFC 9113, section 6).
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
const HEAD_BYTES = 9;
const PREFIX = 5;
const PING_BYTES = 8;
const SETTINGS_INITIAL_WINDOW_SIZE = 4;
const LARGEST_WINDOW = 2 ** 31 - 1;
const FIRST_WINDOW = 65_535;
/** So much is taken before the server is told that it may send as much again. */
const WINDOW_STEP = 2 ** 29;
const READ_BYTES = 256 * 1024;
const FIRST_ANSWER_BYTES = 64 * 1024;

/**
 * Sends unary gRPC calls over HTTP/2 connections of its own and looks at nothing but the messages of the answers: no header is decoded, and
 * a call without a message has failed. Answers lie in memory that serves again, so that this process has nearly nothing to collect: a
 * client library allocates as much as it receives, and stands still for longer than a call takes while that is collected.
 *
 * The answer that `done` gets is valid during the call only. The server may not pad its frames.
 */
export async function connectWire(
  endpoint: WireEndpoint,
  messages: readonly Uint8Array[],
  connections: number,
): Promise<Exchange> {
  const block = headerBlock(endpoint);
  const calls = messages.map((message) => callFrames(block, message));
  const opened = await Promise.all(Array.from({ length: connections }, () => WireConnection.open(endpoint.address)));
  let turn = 0;
  return {
    send(index, capture, done) {
      const frames = calls[index];
      const connection = opened[turn++ % opened.length];
      if (frames === undefined || connection === undefined) throw new RangeError(`no request ${index}`);
      connection.send(frames, capture, done);
    },
    close() {
      for (const connection of opened) connection.close();
    },
  };
}

interface Call {
  readonly done: Done;
  readonly capture: boolean;
  answer: Buffer;
  length: number;
}

class WireConnection {
  readonly #socket: Socket;
  readonly #calls = new Map<number, Call>();
  /** Memory of answers that were taken. */
  readonly #memory: Buffer[] = [];
  readonly #head = Buffer.alloc(HEAD_BYTES);
  readonly #ping = Buffer.alloc(PING_BYTES);
  #headBytes = 0;
  /** Of the frame that is being read: bytes of its payload that came, and that are yet to come. */
  #payloadBytes = 0;
  #payloadLeft = 0;
  #nextStream = 1;
  #untold = 0;
  #over: string | undefined;

  static open(address: string): Promise<WireConnection> {
    const colon = address.lastIndexOf(':');
    return new Promise((resolve, reject) => {
      const connection: WireConnection = new WireConnection(
        connect({
          host: address.slice(0, colon),
          port: Number(address.slice(colon + 1)),
          noDelay: true,
          onread: {
            buffer: Buffer.alloc(READ_BYTES),
            callback: (bytes, buffer) => {
              connection.#receive(buffer as Buffer, bytes);
              return true;
            },
          },
        }),
      );
      connection.#socket.once('error', reject);
      connection.#socket.once('connect', () => {
        connection.#socket.off('error', reject);
        connection.#greet();
        resolve(connection);
      });
    });
  }

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  send(frames: Buffer, capture: boolean, done: Done): void {
    if (this.#over !== undefined) {
      setImmediate(done, this.#over, undefined);
      return;
    }
    const stream = this.#nextStream;
    this.#nextStream += 2;
    const answer = this.#memory.pop() ?? Buffer.alloc(FIRST_ANSWER_BYTES);
    this.#calls.set(stream, { done, capture, answer, length: 0 });
    const bytes = Buffer.from(frames);
    bytes.writeUInt32BE(stream, 5);
    bytes.writeUInt32BE(stream, HEAD_BYTES + bytes.readUIntBE(0, 3) + 5);
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  #greet(): void {
    this.#socket.on('error', (error) => this.#failAll(error.message));
    this.#socket.on('close', () => this.#failAll('the connection is closed'));
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(SETTINGS_INITIAL_WINDOW_SIZE);
    settings.writeUInt32BE(LARGEST_WINDOW, 2);
    this.#socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    this.#socket.write(frame(SETTINGS, 0, settings));
    this.#socket.write(frame(WINDOW_UPDATE, 0, uint32(LARGEST_WINDOW - FIRST_WINDOW)));
  }

  #receive(buffer: Buffer, length: number): void {
    for (let at = 0; at < length; ) {
      if (this.#headBytes < HEAD_BYTES) {
        const part = Math.min(HEAD_BYTES - this.#headBytes, length - at);
        buffer.copy(this.#head, this.#headBytes, at, at + part);
        this.#headBytes += part;
        at += part;
        if (this.#headBytes < HEAD_BYTES) return;
        this.#payloadBytes = 0;
        this.#payloadLeft = this.#head.readUIntBE(0, 3);
      }
      const part = Math.min(this.#payloadLeft, length - at);
      if (part > 0) this.#take(buffer, at, at + part);
      at += part;
      this.#payloadBytes += part;
      this.#payloadLeft -= part;
      if (this.#payloadLeft > 0) return;
      this.#headBytes = 0;
      this.#endFrame();
    }
    if (this.#untold < WINDOW_STEP) return;
    this.#socket.write(frame(WINDOW_UPDATE, 0, uint32(this.#untold)));
    this.#untold = 0;
  }

  /** A piece of a payload. */
  #take(buffer: Buffer, start: number, end: number): void {
    const type = this.#head[3];
    if (type === PING) buffer.copy(this.#ping, this.#payloadBytes, start, end);
    if (type !== DATA) return;
    this.#untold += end - start;
    const call = this.#calls.get(this.#head.readUInt32BE(5));
    if (call === undefined) return;
    const length = call.length + end - start;
    if (length > call.answer.length) call.answer = Buffer.concat([call.answer], 2 * length);
    buffer.copy(call.answer, call.length, start, end);
    call.length = length;
  }

  #endFrame(): void {
    const [type, flags] = [this.#head[3] ?? 0, this.#head[4] ?? 0];
    const stream = this.#head.readUInt32BE(5);
    if (type === SETTINGS && (flags & ACK) === 0) this.#socket.write(frame(SETTINGS, ACK, Buffer.alloc(0)));
    else if (type === PING && (flags & ACK) === 0) this.#socket.write(frame(PING, ACK, Buffer.from(this.#ping)));
    else if (type === GOAWAY) this.#over ??= 'the server takes no more calls';
    else if (type === RST_STREAM) this.#finish(stream, 'the call was reset');
    else if ((type === DATA || type === HEADERS) && (flags & END_STREAM) !== 0) this.#finish(stream, undefined);
  }

  #finish(stream: number, failure: string | undefined): void {
    const call = this.#calls.get(stream);
    if (call === undefined) return;
    this.#calls.delete(stream);
    const { answer, length, capture, done } = call;
    const isWhole = length >= PREFIX && answer.readUInt32BE(1) === length - PREFIX;
    const reason = failure ?? (isWhole ? undefined : 'an answer without a whole message');
    done(reason, capture && reason === undefined ? answer.subarray(PREFIX, length) : undefined);
    this.#memory.push(answer);
  }

  #failAll(reason: string): void {
    this.#over ??= reason;
    for (const stream of [...this.#calls.keys()]) this.#finish(stream, reason);
  }
}

/** HEADERS and DATA of a call, on a stream that is yet to be named. */
function callFrames(block: Buffer, message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(PREFIX);
  prefix.writeUInt32BE(message.length, 1);
  const data = Buffer.concat([prefix, message]);
  return Buffer.concat([frame(HEADERS, END_HEADERS, block), frame(DATA, END_STREAM, data)]);
}

/** Literals that are not indexed, in plain text (RFC 7541, section 6.2.2). */
function headerBlock({ path, deadlineMs }: WireEndpoint): Buffer {
  const fields: readonly (readonly [name: string, value: string])[] = [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'localhost'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ['grpc-timeout', `${deadlineMs}m`],
  ];
  const text = (value: string): Buffer => {
    // A length from 127 on takes more than one byte.
    if (value.length > 126) throw new RangeError(`too long for a header: ${value}`);
    return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
  };
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** A frame of the connection, or of a stream that is yet to be named. */
function frame(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  return Buffer.concat([head, payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
