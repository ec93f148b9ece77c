/** Bytes of a key that are compared as one number. */
const HEAD_BYTES = 6;

/**
 * The order of keys that stand in `bytes`: by their bytes, the shorter first, and equal ones as they stand.
 * @param starts where each key begins
 * @param lengths of each key
 */
export function keyOrder(bytes: Uint8Array, starts: ArrayLike<number>, lengths: ArrayLike<number>): Uint32Array {
  const count = starts.length;
  const common = commonPrefix(bytes, starts, lengths);
  // Keys of one table begin alike; a few bytes behind that tell most of them apart, without a call into native code.
  const heads = new Float64Array(count);
  for (let index = 0; index < count; index++) {
    const start = (starts[index] as number) + common;
    const left = (lengths[index] as number) - common;
    let head = 0;
    for (let i = 0; i < HEAD_BYTES; i++) head = head * 256 + (i < left ? (bytes[start + i] as number) : 0);
    heads[index] = head;
  }
  const order = Uint32Array.from(heads, (_, index) => index);
  return order.sort((a, b) => {
    const difference = (heads[a] as number) - (heads[b] as number);
    if (difference !== 0) return difference;
    return (
      compareBytes(
        bytes,
        starts[a] as number,
        lengths[a] as number,
        bytes,
        starts[b] as number,
        lengths[b] as number,
      ) || a - b
    );
  });
}

/** Negative where the first piece stands before the second, which may be of another array. */
export function compareBytes(
  a: Uint8Array,
  aStart: number,
  aLength: number,
  b: Uint8Array,
  bStart: number,
  bLength: number,
): number {
  const both = Math.min(aLength, bLength);
  for (let i = 0; i < both; i++) {
    const difference = (a[aStart + i] as number) - (b[bStart + i] as number);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

function commonPrefix(bytes: Uint8Array, starts: ArrayLike<number>, lengths: ArrayLike<number>): number {
  let common = lengths[0] ?? 0;
  const first = starts[0] ?? 0;
  for (let index = 1; index < starts.length; index++) {
    const start = starts[index] as number;
    common = Math.min(common, lengths[index] as number);
    let i = 0;
    while (i < common && bytes[start + i] === bytes[first + i]) i++;
    common = i;
  }
  return common;
}
