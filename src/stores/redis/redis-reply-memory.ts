import type { LentBytes } from '../lent-bytes.ts';

const SLAB_BYTES = 256 * 1024;
/** Less room than this behind what was received is not offered to the socket: reads would become small. */
const MIN_ROOM = 16 * 1024;
/** Slabs without use that are kept for all lanes of the process: 4 MB. */
const MAX_FREE = 16;

const free: Slab[] = [];

/** Memory for replies, counted by those who refer to it. */
class Slab implements LentBytes {
  readonly bytes: Buffer;
  #holders = 1;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Whether only its creator refers to it. */
  get unshared(): boolean {
    return this.#holders === 1;
  }

  hold(): void {
    this.#holders++;
  }

  release(): void {
    if (--this.#holders === 0 && this.bytes.length === SLAB_BYTES && free.length < MAX_FREE) free.push(this);
  }
}

/**
 * Where a lane's socket puts what Redis sends: one slab after the other. Blocks refer to the values in them and hold them until their
 * request is answered; then the memory serves again. So nothing is allocated per read, and nothing is left to the garbage collector,
 * which otherwise spends a third of a large request's time on received buffers.
 *
 * An element of a reply always stands in one piece: what was cut is completed behind itself, or moves to the next slab first.
 */
export class ReplyMemory {
  #slab = takeSlab(0);
  #start = 0;
  #end = 0;

  get lent(): LentBytes {
    return this.#slab;
  }

  get bytes(): Buffer {
    return this.#slab.bytes;
  }

  /** Where the bytes stand that are not read yet. */
  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  /** Where the next bytes are to be put; {@link received} tells how many there were. */
  room(): Buffer {
    return this.#end === 0 ? this.#slab.bytes : this.#slab.bytes.subarray(this.#end);
  }

  received(count: number): void {
    this.#end += count;
  }

  /**
   * Everything before `position` has been read.
   * @param needed bytes of the element that begins there, as far as it is known
   */
  read(position: number, needed: number): void {
    this.#start = position;
    if (position === this.#end && this.#slab.unshared) {
      this.#start = 0;
      this.#end = 0;
    } else if (this.#slab.bytes.length - this.#end < Math.max(MIN_ROOM, needed - (this.#end - position)))
      this.#move(needed);
  }

  #move(needed: number): void {
    const old = this.#slab;
    this.#slab = takeSlab(needed);
    this.#end = old.bytes.copy(this.#slab.bytes, 0, this.#start, this.#end);
    this.#start = 0;
    old.release();
  }
}

function takeSlab(needed: number): Slab {
  if (needed + MIN_ROOM > SLAB_BYTES) return new Slab(needed + MIN_ROOM);
  const slab = free.pop();
  if (slab === undefined) return new Slab(SLAB_BYTES);
  slab.hold();
  return slab;
}
