import { getHeapStatistics } from 'node:v8';

const MB = 1024 * 1024;
/** What a serving process has in V8's heap beside its registry. */
const WITHOUT_REGISTRY = 25 * MB;
/** Heap that a registry of views takes for each of its bytes while it is parsed beside the one that is served: docs/reference/registry.md. */
const FOR_EACH_BYTE = 20;

/**
 * Said before a registry is parsed for which this process may not have the heap: V8 ends a process that needs more, and a line in the log
 * is all that is left of the reason.
 * @param bytes size of the serialized registry
 * @param heapLimit in bytes
 */
export function heapWarning(
  bytes: number,
  source: string,
  heapLimit = getHeapStatistics().heap_size_limit,
): string | undefined {
  const needed = WITHOUT_REGISTRY + FOR_EACH_BYTE * bytes;
  if (needed <= heapLimit) return undefined;
  const inMb = (size: number): string => `${Math.ceil(size / MB)} MB`;
  return (
    `The ${source} has ${inMb(bytes)}. Reading it may take ${inMb(needed)} of heap, and this process has ${inMb(heapLimit)}: it may end for ` +
    'want of memory. Allow it more, and raise --max-old-space-size in NODE_OPTIONS with it.'
  );
}
