import { connect, type NetConnectOpts, type OnReadOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { AbstractConnector, type RedisOptions } from 'ioredis';
import { SocketTurns } from './redis-socket-turns.ts';

/** Takes what a socket receives into memory of its own choice. */
export interface SocketReader {
  /** Where the next bytes go. */
  room(): Buffer;
  /** That many bytes were put there. */
  received(count: number): void;
  /** Bytes that were received elsewhere. */
  push(chunk: Buffer): void;
}

/** Enough for what servers say while a client introduces itself. */
const GREETING_BYTES = 16 * 1024;

/**
 * What a socket receives, before and after a lane takes it over. Node lets the memory that a socket reads into be chosen only when the
 * socket is made: until then the client library gets everything as usual.
 */
class Reception implements OnReadOpts {
  socket: Socket | undefined;
  reader: SocketReader | undefined;
  readonly #greeting = Buffer.allocUnsafeSlow(GREETING_BYTES);

  readonly buffer = (): Uint8Array => this.reader?.room() ?? this.#greeting;

  readonly callback = (count: number, buffer: Uint8Array): boolean => {
    // The first read after the take-over still went where the ones before it did.
    if (buffer !== this.#greeting) this.reader?.received(count);
    else {
      const bytes = Buffer.from(this.#greeting.subarray(0, count));
      if (this.reader === undefined) this.socket?.push(bytes);
      else this.reader.push(bytes);
    }
    return true;
  };
}

const receptions = new WeakMap<object, Reception>();

/** Lets a reader have all that a connected socket receives from now on; the library hears nothing any more. */
export function takeSocketOver(socket: Socket, reader: SocketReader): void {
  socket.removeAllListeners('data');
  const turns = new SocketTurns(socket);
  const received = (count: number): void => {
    reader.received(count);
    turns.received(count);
  };
  const push = (chunk: Buffer): void => {
    reader.push(chunk);
    turns.received(chunk.length);
  };
  const reception = receptions.get(socket);
  if (reception !== undefined) reception.reader = { room: () => reader.room(), received, push };
  // A socket that the library made itself: one to a primary that sentinels named.
  else socket.on('data', push);
  // Without a listener nobody would hear of its end.
  socket.resume();
}

/** Makes the client's socket to a single server, as the library itself would, such that a lane can choose where it reads into. */
export class LaneConnector extends AbstractConnector {
  readonly #options: RedisOptions;

  /** @param options those of the client; the library makes the connector */
  constructor(options: unknown) {
    super((options as RedisOptions).disconnectTimeout ?? 0);
    this.#options = options as RedisOptions;
  }

  async connect(): Promise<Socket> {
    const { host = '127.0.0.1', port = 0, tls } = this.#options;
    this.connecting = true;
    await nextTick();
    if (!this.connecting) throw new Error('Connection is closed.');
    const reception = new Reception();
    const address: NetConnectOpts = { host, port, onread: reception };
    const socket = tls === undefined ? connect(address) : connectTls({ ...tls, ...address } as ConnectionOptions);
    reception.socket = socket;
    receptions.set(socket, reception);
    this.stream = socket;
    socket.once('error', (error) => {
      this.firstError = error;
    });
    return socket;
  }
}

/** The library takes its time too: a client may be told to go before it has a socket. */
function nextTick(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
