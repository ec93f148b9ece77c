/** Names of columns are few, and come with every request: they are decoded once. */
const SLOTS = 1024;
/** Longer ones are decoded each time. */
const MAX_BYTES = 64;

interface Known {
  readonly bytes: Uint8Array;
  readonly name: string;
}

const known: (Known | undefined)[] = Array.from({ length: SLOTS });

/**
 * The name that stands in some bytes.
 * @param decode makes it where it was not seen lately
 */
export function columnName(bytes: Uint8Array, start: number, end: number, decode: () => string): string {
  if (end - start > MAX_BYTES) return decode();
  let slot = 0;
  for (let at = start; at < end; at++) slot = (slot * 31 + (bytes[at] as number)) & (SLOTS - 1);
  const seen = known[slot];
  if (seen !== undefined && isSame(seen.bytes, bytes, start, end)) return seen.name;
  const name = decode();
  known[slot] = { bytes: Uint8Array.from(bytes.subarray(start, end)), name };
  return name;
}

function isSame(one: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (one.length !== end - start) return false;
  for (let at = start; at < end; at++) if (one[at - start] !== bytes[at]) return false;
  return true;
}
