/** The arrays of one block. Each has memory of its own. */
export interface BlockMemory {
  readonly cells: Int32Array;
  readonly found: Uint8Array;
  readonly times: Float64Array;
}

/** Memory that is kept for later blocks: so many numbers of cells in all, 16 MB. */
const MAX_KEPT = 4 * 1024 * 1024;
/** And so many blocks: all of them may be looked at for one that fits. */
const MAX_BLOCKS = 256;
/** Blocks smaller than this are made anew: their arrays cost less than looking for some. */
const MIN_KEPT = 64;

const kept: BlockMemory[] = [];
let keptCells = 0;

/**
 * Zeroed arrays for a block. Large requests come again and again in the same few sizes, and memory that is handed back spares
 * the garbage collector most of what such a request would leave behind.
 */
export function takeBlockMemory(cells: number, rows: number): BlockMemory {
  if (cells < MIN_KEPT) return freshMemory(cells, rows);
  // The one that was handed back last is the likeliest to fit, and to be in the processor's cache.
  for (let index = kept.length - 1; index >= 0; index--) {
    const memory = kept[index];
    if (memory === undefined || memory.cells.length !== cells || memory.found.length !== rows) continue;
    kept.splice(index, 1);
    keptCells -= cells;
    memory.cells.fill(0);
    memory.found.fill(0);
    memory.times.fill(0);
    return memory;
  }
  return freshMemory(cells, rows);
}

/** Hands arrays back. Nobody may use them any more. */
export function keepBlockMemory(memory: BlockMemory): void {
  const { length } = memory.cells;
  if (length < MIN_KEPT || length > MAX_KEPT) return;
  // The oldest go first: sizes that are not asked for any more make room.
  while (keptCells + length > MAX_KEPT || kept.length === MAX_BLOCKS) keptCells -= kept.shift()?.cells.length ?? 0;
  kept.push(memory);
  keptCells += length;
}

function freshMemory(cells: number, rows: number): BlockMemory {
  return { cells: new Int32Array(cells), found: new Uint8Array(rows), times: new Float64Array(rows * 2) };
}
