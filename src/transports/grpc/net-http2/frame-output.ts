import type { Socket } from 'node:net';
import { PREFIX_LENGTH } from '../grpc-message.ts';
import type { MemoryPool } from './memory-pool.ts';
import { FRAME_HEAD } from './protocol.ts';

/** Frames are laid out in blocks of this size. */
export const OUTPUT_BLOCK = 65_536;

/** A block that the socket has not taken yet. */
interface Sent {
  readonly block: Buffer;
  /** Number of the write that carries it. */
  readonly write: number;
}

/**
 * Lays frames out one behind the other and hands them to the socket together: one write for whatever a turn of the event loop
 * brought. Its memory comes from a pool and returns there; an idle connection holds none.
 */
export class FrameOutput {
  /** The block that is being filled, and how far. Whoever writes reserves room first. */
  block: Buffer = EMPTY;
  at = 0;
  readonly #socket: Socket;
  readonly #pool: MemoryPool;
  readonly #full: { readonly block: Buffer; readonly length: number }[] = [];
  #fullBytes = 0;
  readonly #sent: Sent[] = [];
  #writes = 0;
  #taken = 0;
  readonly #whenTaken: () => void;

  /** @param taken called whenever the system has taken what was written */
  constructor(socket: Socket, pool: MemoryPool, taken: () => void) {
    this.#socket = socket;
    this.#pool = pool;
    this.#whenTaken = () => {
      this.#release();
      taken();
    };
  }

  /** Bytes that were written here and not taken by the system. */
  get backlog(): number {
    return this.at + this.#fullBytes + this.#socket.writableLength;
  }

  /** Bytes that fit without another block. */
  get room(): number {
    return this.block.length - this.at;
  }

  /** Makes room for so many bytes in one piece, up to {@link OUTPUT_BLOCK}. */
  reserve(bytes: number): void {
    if (this.block.length - this.at >= bytes) return;
    if (this.at > 0) {
      this.#full.push({ block: this.block, length: this.at });
      this.#fullBytes += this.at;
    }
    this.block = this.#pool.allocate(OUTPUT_BLOCK);
    this.at = 0;
  }

  /** A frame's head; room for it and for its payload has been reserved. */
  head(length: number, type: number, flags: number, stream: number): void {
    const { block } = this;
    let { at } = this;
    block[at++] = length >>> 16;
    block[at++] = length >>> 8;
    block[at++] = length;
    block[at++] = type;
    block[at++] = flags;
    block[at++] = stream >>> 24;
    block[at++] = stream >>> 16;
    block[at++] = stream >>> 8;
    block[at++] = stream;
    this.at = at;
  }

  uint32(value: number): void {
    const { block } = this;
    let { at } = this;
    block[at++] = value >>> 24;
    block[at++] = value >>> 16;
    block[at++] = value >>> 8;
    block[at++] = value;
    this.at = at;
  }

  bytes(source: Uint8Array): void {
    const { block, at } = this;
    const { length } = source;
    if (length > 32) block.set(source, at);
    else for (let i = 0; i < length; i++) block[at + i] = source[i] as number;
    this.at = at + length;
  }

  /** What stands before a gRPC message. */
  prefix(length: number): void {
    this.block[this.at++] = 0;
    this.uint32(length);
  }

  /** Part of a message behind its prefix: so many bytes from the offset on, which counts from the prefix. */
  messagePiece(message: Uint8Array, offset: number, length: number): void {
    const start = this.at;
    for (let i = offset; i < Math.min(PREFIX_LENGTH, offset + length); i++) {
      this.block[this.at++] = i === 0 ? 0 : message.length >>> (8 * (PREFIX_LENGTH - 1 - i));
    }
    const from = offset + this.at - start - PREFIX_LENGTH;
    this.bytes(message.subarray(from, from + length - (this.at - start)));
  }

  /** A whole frame with a short payload. */
  frame(type: number, flags: number, stream: number, payload: Uint8Array): void {
    this.reserve(FRAME_HEAD + payload.length);
    this.head(payload.length, type, flags, stream);
    this.bytes(payload);
  }

  /** Hands everything to the socket. */
  flush(): void {
    const socket = this.#socket;
    const { block, at } = this;
    const full = this.#full.splice(0);
    this.#fullBytes = 0;
    this.block = EMPTY;
    this.at = 0;
    if (socket.destroyed || socket.writableEnded) {
      for (const each of full) this.#pool.release(each.block);
      this.#pool.release(block);
      return;
    }
    if (full.length > 0) socket.cork();
    for (const each of full) this.#write(each.block, each.length);
    if (at > 0) this.#write(block, at);
    if (full.length > 0) socket.uncork();
  }

  #write(block: Buffer, length: number): void {
    const socket = this.#socket;
    this.#writes++;
    socket.write(length === block.length ? block : block.subarray(0, length), this.#whenTaken);
    // The system took it at once: its memory is free before the socket says so.
    if (socket.writableLength === 0 && !socket.destroyed) this.#pool.release(block);
    else this.#sent.push({ block, write: this.#writes });
  }

  /** One more write is done; they are done in order. A socket that broke may still hold what it was given. */
  #release(): void {
    this.#taken++;
    while (this.#sent.length > 0 && (this.#sent[0] as Sent).write <= this.#taken) {
      const sent = this.#sent.shift();
      if (sent !== undefined && !this.#socket.destroyed) this.#pool.release(sent.block);
    }
  }
}

const EMPTY = Buffer.alloc(0);
