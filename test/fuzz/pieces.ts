/**
 * Pieces of bytes, cut at places that the bytes themselves decide: how something was cut is not to matter, and the same input is
 * always cut the same way.
 */
export function* piecesOf(bytes: Buffer): Generator<Buffer> {
  let state = bytes.length * 2_654_435_761 + 1;
  for (let at = 0; at < bytes.length; ) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const size = [1, 2, 3, 9, 40, 1_000][(state >>> 8) % 6] ?? 1;
    yield Buffer.from(bytes.subarray(at, at + size));
    at += size;
  }
}
