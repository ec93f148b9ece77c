/** Smallest block worth keeping: what is smaller comes cheaper from Node's own pool. */
const MIN_BLOCK = 4_096;
/** Larger answers are rare, and rather given back than kept. */
const MAX_BLOCK = 8 * 1024 * 1024;
const CLASSES = Math.log2(MAX_BLOCK / MIN_BLOCK) + 1;
/** Memory that is kept and not in use, in bytes. */
const MAX_KEPT = 32 * 1024 * 1024;

/** Blocks of one size that wait for their next use. */
interface BlockClass {
  readonly free: ArrayBuffer[];
  /** Fewest that were free since memory was last given back: so many were not needed. */
  least: number;
}

/**
 * Memory that is used again and again: allocating a large answer anew costs more than filling it, since the system hands out its
 * pages one by one. Blocks come in powers of two. What a busy moment left is given back when it was not needed for a while.
 */
export class MemoryPool {
  readonly #classes: readonly BlockClass[] = Array.from({ length: CLASSES }, () => ({ free: [], least: 0 }));
  #kept = 0;

  /** Bytes that are kept and not in use. */
  get kept(): number {
    return this.#kept;
  }

  /** Memory of that length, not zeroed. It is given back by {@link release}, or collected like any other. */
  allocate(bytes: number): Buffer {
    if (bytes < MIN_BLOCK) return Buffer.allocUnsafe(bytes);
    if (bytes > MAX_BLOCK) return Buffer.allocUnsafeSlow(bytes);
    const index = classOf(bytes);
    const blocks = this.#classes[index] as BlockClass;
    const block = blocks.free.pop();
    if (block === undefined) return Buffer.from(new ArrayBuffer(MIN_BLOCK << index), 0, bytes);
    this.#kept -= block.byteLength;
    if (blocks.free.length < blocks.least) blocks.least = blocks.free.length;
    return Buffer.from(block, 0, bytes);
  }

  /** Takes memory back that came from here and that nobody looks at any more. */
  release(memory: Uint8Array): void {
    const { byteLength } = memory.buffer;
    if (memory.byteLength < MIN_BLOCK || memory.byteLength > MAX_BLOCK || this.#kept + byteLength > MAX_KEPT) return;
    this.#classes[classOf(byteLength)]?.free.push(memory.buffer as ArrayBuffer);
    this.#kept += byteLength;
  }

  /** Gives back what was not needed since the last time. To be called every few seconds. */
  trim(): void {
    for (const blocks of this.#classes) {
      for (const block of blocks.free.splice(0, blocks.least)) this.#kept -= block.byteLength;
      blocks.least = blocks.free.length;
    }
  }
}

function classOf(bytes: number): number {
  return 32 - Math.clz32((bytes - 1) >>> Math.log2(MIN_BLOCK));
}
