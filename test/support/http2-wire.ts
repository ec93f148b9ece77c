import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Frame types of HTTP/2 by number (RFC 9113, section 6). */
export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Header fields as HPACK literals, neither indexed nor Huffman-coded (RFC 7541, section 6.2.2). */
export function headerBlock(fields: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of Object.entries(fields)) {
    parts.push(Buffer.from([0]), hpackString(Buffer.from(name)), hpackString(Buffer.from(value)));
  }
  return Buffer.concat(parts);
}

/** A string of HPACK, its length and then its bytes as they are (RFC 7541, section 5.2). */
export function hpackString(bytes: Buffer): Buffer {
  const length: number[] = [];
  if (bytes.length < 127) length.push(bytes.length);
  else {
    length.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>>= 7) length.push((rest & 127) | 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** Headers of a gRPC call. */
export function callHeaders(
  path: string,
  more: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  return {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': path,
    ':authority': 'test',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...more,
  };
}

/** A message behind the five bytes that gRPC puts before it. */
export function grpcMessage(message: Buffer, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** A whole unary call as it stands on the wire. */
export function unaryCall(stream: number, path: string, message: Buffer): Buffer {
  return Buffer.concat([
    frame(FrameType.HEADERS, END_HEADERS, stream, headerBlock(callHeaders(path))),
    frame(FrameType.DATA, END_STREAM, stream, grpcMessage(message)),
  ]);
}

/** A client that says exactly what it is told to, and writes down what it hears. It answers nothing by itself. */
export class Http2Wire {
  readonly frames: Frame[] = [];
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #wake: () => void = () => {};
  #ended = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('error', end);
    socket.on('end', end);
    socket.on('close', end);
  }

  /** Connects to `host:port` without a word. The other side may hang up; this one does not by itself. */
  static async open(address: string): Promise<Http2Wire> {
    const [host, port] = address.split(':');
    const socket = connect({ host: host ?? '', port: Number(port), allowHalfOpen: true, noDelay: true });
    await once(socket, 'connect');
    return new Http2Wire(socket);
  }

  /** Connects, sends the preface and settings, and acknowledges the server's. */
  static async greet(address: string, settings: Buffer = Buffer.alloc(0)): Promise<Http2Wire> {
    const wire = await Http2Wire.open(address);
    wire.send(PREFACE, frame(FrameType.SETTINGS, 0, 0, settings));
    await wire.next(({ type, flags }) => type === FrameType.SETTINGS && flags === 0);
    wire.send(frame(FrameType.SETTINGS, ACK, 0));
    await wire.next(({ type, flags }) => type === FrameType.SETTINGS && flags === ACK);
    return wire;
  }

  /** Whether the server has hung up. */
  get ended(): boolean {
    return this.#ended;
  }

  send(...bytes: readonly Buffer[]): void {
    if (!this.#socket.destroyed) this.#socket.write(Buffer.concat(bytes));
  }

  /** Sends and waits until the system has taken the bytes: what a flood needs so as not to pile up here. */
  async push(bytes: Buffer): Promise<void> {
    if (this.#ended || this.#socket.destroyed || this.#socket.write(bytes)) return;
    await Promise.race([once(this.#socket, 'drain'), once(this.#socket, 'close')]).catch(() => {});
  }

  /** Stops reading: the server's bytes pile up. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends FIN. */
  finish(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The first frame, of those received or to come, that fits. @throws when none comes in time */
  async next(fits: (frame: Frame) => boolean, withinMs = 5_000): Promise<Frame> {
    const found = await this.#until(() => this.frames.find(fits), withinMs);
    if (found === undefined) throw new Error(`no such frame; ended: ${this.#ended}; received: ${this.describe()}`);
    return found;
  }

  /** Waits until the server hangs up. @throws when it does not in time */
  async hungUp(withinMs = 5_000): Promise<void> {
    const ended = await this.#until(() => this.#ended || undefined, withinMs, true);
    if (ended === undefined) throw new Error(`the server keeps the connection; received: ${this.describe()}`);
  }

  describe(): string {
    const names = new Map<number, string>(Object.entries(FrameType).map(([name, type]) => [type, name]));
    return this.frames
      .map(({ type, flags, stream, payload }) => `${names.get(type)}/${flags}@${stream}(${payload.length})`)
      .join(' ');
  }

  async #until<T>(look: () => T | undefined, withinMs: number, evenEnded = false): Promise<T | undefined> {
    const giveUp = Date.now() + withinMs;
    for (;;) {
      const found = look();
      if (found !== undefined || Date.now() >= giveUp || (this.#ended && !evenEnded)) return found;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, giveUp - Date.now());
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #receive(bytes: Buffer): void {
    let rest = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    while (rest.length >= 9) {
      const end = 9 + rest.readUIntBE(0, 3);
      if (rest.length < end) break;
      const payload = rest.subarray(9, end);
      this.frames.push({ type: rest[3] ?? 0, flags: rest[4] ?? 0, stream: rest.readUInt32BE(5), payload });
      rest = rest.subarray(end);
    }
    this.#received = Buffer.from(rest);
    this.#wake();
  }
}

/** Code and text of a GOAWAY frame, and the last stream that it says was seen. */
export function goawayOf({ payload }: Frame): { lastStream: number; code: number; text: string } {
  return {
    lastStream: payload.readUInt32BE(0),
    code: payload.readUInt32BE(4),
    text: payload.subarray(8).toString(),
  };
}
