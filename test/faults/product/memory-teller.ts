// Loaded into the product before its own modules (`--expose-gc --import`): collects all garbage when it is asked to, and says what is left.
import { renameSync, writeFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MEMORY_FILE, TELL_MEMORY } from './memory-teller-protocol.ts';

/** In bytes. */
export interface CollectedBytes {
  readonly heap: number;
  /** Buffers, and what else objects hold outside the heap. */
  readonly external: number;
}

const file = process.env[MEMORY_FILE];
if (file === undefined || global.gc === undefined) throw new Error(`needs --expose-gc and ${MEMORY_FILE}`);
const collect = global.gc;

process.on(TELL_MEMORY, async () => {
  // What finalizers let go of is found by the next collection.
  for (let time = 0; time < 3; time++) {
    collect();
    await nextTurn();
  }
  const { heapUsed: heap, external } = process.memoryUsage();
  const told: CollectedBytes = { heap, external };
  writeFileSync(`${file}.part`, JSON.stringify(told));
  renameSync(`${file}.part`, file);
});
