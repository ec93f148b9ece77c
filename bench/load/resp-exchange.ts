import { connect, type Socket } from 'node:net';
import type { Done, Exchange, RespEndpoint } from './exchange.ts';
import { RespReplies } from './resp-replies.ts';

/**
 * Sends prepared commands to Redis and only counts the replies: the floor of any client. The commands of one request are
 * pipelined; requests under way at the same time go over different connections as long as there are enough.
 */
export async function connectResp(
  endpoint: RespEndpoint,
  commands: readonly Uint8Array[],
  connections: number,
): Promise<Exchange> {
  const opened = await Promise.all(Array.from({ length: connections }, () => openSocket(endpoint.address)));
  const readers = opened.map((socket) => new RespReader(socket, endpoint.repliesPerRequest));
  const free = [...readers];
  let turn = 0;
  return {
    send(index, capture, done) {
      const command = commands[index];
      const reader = free.pop() ?? readers[turn++ % readers.length];
      if (command === undefined || reader === undefined) throw new RangeError(`no request ${index}`);
      reader.send(command, (failure) => {
        if (reader.isFree()) free.push(reader);
        done(failure, capture && failure === undefined ? Buffer.alloc(0) : undefined);
      });
    },
    close() {
      for (const socket of opened) socket.destroy();
    },
  };
}

class RespReader {
  readonly #socket: Socket;
  readonly #repliesPerRequest: number;
  readonly #replies = new RespReplies();
  readonly #waiting: Done[] = [];
  /** Replies to the first of the waiting requests that came in already. */
  #replied = 0;
  #faults = 0;

  constructor(socket: Socket, repliesPerRequest: number) {
    this.#socket = socket;
    this.#repliesPerRequest = repliesPerRequest;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#failAll(error.message));
    socket.on('close', () => this.#failAll('the connection is closed'));
  }

  isFree(): boolean {
    return this.#waiting.length === 0;
  }

  send(command: Uint8Array, done: Done): void {
    if (this.#socket.destroyed) {
      setImmediate(done, 'the connection is closed', undefined);
      return;
    }
    this.#waiting.push(done);
    this.#socket.write(command);
  }

  #receive(chunk: Buffer): void {
    this.#replied += this.#replies.feed(chunk);
    while (this.#replied >= this.#repliesPerRequest) {
      const done = this.#waiting.shift();
      if (done === undefined) return;
      this.#replied -= this.#repliesPerRequest;
      // A fault is blamed on a request that ends in the same chunk, which is close enough to make the run fail.
      const failure =
        this.#replies.faults > this.#faults ? 'Redis answered with an error or without a value' : undefined;
      this.#faults = this.#replies.faults;
      done(failure, undefined);
    }
  }

  #failAll(reason: string): void {
    for (const done of this.#waiting.splice(0)) done(reason, undefined);
  }
}

function openSocket(address: string): Promise<Socket> {
  const colon = address.lastIndexOf(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)), noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
