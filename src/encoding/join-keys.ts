import { ValueType_Enum } from '../../gen/feast/types/Value_pb.ts';
import { EncodingError } from './encoding-error.ts';
import { assertWellFormed, utf8Size, writeUtf8 } from './wire.ts';

/** Which of Feast's entity key serializations; `entity-key.ts` has the layouts. */
export type EntityKeyVersion = 2 | 3;

/** Join keys in the order of their code points, which is Python's; JavaScript's own order is that of UTF-16 units. */
export function sortedJoinKeys(joinKeys: readonly string[]): string[] {
  return [...joinKeys].sort(compareCodePoints);
}

/** Negative, zero or positive, by code points. */
export function compareCodePoints(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates, which stand for code points above U+FFFF, go behind every other unit. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit;
}

/**
 * The bytes with which every entity key of these join keys begins; used to find a view's keys in a store.
 * Version 2 prefixes are ambiguous: their names carry no length.
 */
export function serializeEntityKeyPrefix(joinKeys: readonly string[], version: EntityKeyVersion = 3): Uint8Array {
  const sorted = sortedJoinKeys(joinKeys);
  let size = version === 3 ? 4 : 0;
  for (const name of sorted) {
    assertWellFormed(name, 'A join key name');
    size += (version === 3 ? 8 : 4) + utf8Size(name);
  }
  const out = new Uint8Array(size);
  let at = version === 3 ? writeU32(out, 0, sorted.length) : 0;
  for (const name of sorted) {
    at = writeU32(out, at, ValueType_Enum.STRING);
    if (version === 3) at = writeU32(out, at, utf8Size(name));
    at = writeUtf8(out, at, name);
  }
  return out;
}

export function writeU32(out: Uint8Array, pos: number, n: number): number {
  out[pos] = n & 0xff;
  out[pos + 1] = (n >>> 8) & 0xff;
  out[pos + 2] = (n >>> 16) & 0xff;
  out[pos + 3] = n >>> 24;
  return pos + 4;
}

export function duplicateJoinKey(name: string): EncodingError {
  return new EncodingError('DUPLICATE_JOIN_KEY', `Join key ${name} is named twice in one entity key.`);
}
