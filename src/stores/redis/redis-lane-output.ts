import type { Socket } from 'node:net';

/** Commands that lay themselves out. */
export interface LaneCommands {
  /** As many bytes as they take at most. */
  commandBytes(): number;
  /** Writes them from `start` on; gives the position behind them. */
  writeCommands(out: Buffer, start: number): number;
}

/** Least size of a buffer; most requests of a turn fit into one. */
const BUFFER_BYTES = 16 * 1024;
/** With so many bytes waiting, Redis may as well begin. */
const SEND_AT_ONCE = 64 * 1024;
/** Buffers without use that are kept for all lanes of the process, in number and in bytes. */
const MAX_FREE = 16;
const MAX_FREE_BYTES = 2 * 1024 * 1024;

const free: Buffer[] = [];
let freeBytes = 0;

/**
 * Sends commands. Those of calls that arrive in the same turn of the event loop leave together: one system call for all of them, and
 * fewer for Redis. They stand in buffers that serve again once the socket has taken them.
 */
export class LaneOutput {
  readonly #socket: Socket;
  #buffer: Buffer | undefined;
  #length = 0;
  #scheduled = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Sends commands by the end of this turn. */
  send(commands: LaneCommands): void {
    const size = commands.commandBytes();
    if (this.#buffer !== undefined && this.#buffer.length - this.#length < size) this.#flush();
    this.#buffer ??= takeBuffer(size);
    this.#length = commands.writeCommands(this.#buffer, this.#length);
    if (this.#length >= SEND_AT_ONCE) this.#flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#endTurn);
    }
  }

  readonly #endTurn = (): void => {
    this.#scheduled = false;
    this.#flush();
  };

  #flush(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    this.#socket.write(buffer.subarray(0, this.#length), (error) => {
      // When a socket broke, something may still read from the buffer.
      if (error === undefined || error === null) keepBuffer(buffer);
    });
    this.#buffer = undefined;
    this.#length = 0;
  }
}

function takeBuffer(size: number): Buffer {
  for (let index = free.length - 1; index >= 0; index--) {
    const buffer = free[index];
    if (buffer === undefined || buffer.length < size) continue;
    free.splice(index, 1);
    freeBytes -= buffer.length;
    return buffer;
  }
  return Buffer.allocUnsafeSlow(Math.max(BUFFER_BYTES, Math.ceil(size / BUFFER_BYTES) * BUFFER_BYTES));
}

function keepBuffer(buffer: Buffer): void {
  if (buffer.length > MAX_FREE_BYTES) return;
  while (free.length === MAX_FREE || freeBytes + buffer.length > MAX_FREE_BYTES) freeBytes -= free.shift()?.length ?? 0;
  free.push(buffer);
  freeBytes += buffer.length;
}
