/**
 * MurmurHash3 in the two forms that Feast's stores use. Algorithm: Austin Appleby's public-domain MurmurHash3,
 * variants x86_32 and x64_128.
 */

/**
 * The 32-bit hash as an unsigned number. Redis hash fields are this hash of `<view>:<feature>` (UTF-8), as four
 * little-endian bytes.
 */
export function murmur3x86_32(data: Uint8Array, seed = 0): number {
  const length = data.length;
  const blocks = length & ~3;
  let h = seed | 0;
  for (let i = 0; i < blocks; i += 4) {
    h ^= mixBlock(wordAt(data, i));
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = length - 1; i >= blocks; i--) tail = (tail << 8) | (data[i] as number);
  if (blocks < length) h ^= mixBlock(tail);
  h ^= length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function mixBlock(word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}

function wordAt(data: Uint8Array, at: number): number {
  return (
    (data[at] as number) |
    ((data[at + 1] as number) << 8) |
    ((data[at + 2] as number) << 16) |
    ((data[at + 3] as number) << 24)
  );
}

// 64-bit numbers are pairs of 32-bit halves: with bigints the hash of a key takes ten times as long.
const C1_HIGH = 0x87c37b91;
const C1_LOW = 0x114253d5;
const C2_HIGH = 0x4cf5ad43;
const C2_LOW = 0x2745937f;

/** High and low half of the last product or sum. */
let high = 0;
let low = 0;

/** The 128-bit hash as sixteen bytes (two little-endian halves). DynamoDB ids are its hexadecimal form over the v3 entity key. */
export function murmur3x64_128(data: Uint8Array, seed = 0): Uint8Array {
  const length = data.length;
  const blocks = length & ~15;
  let h1High = 0;
  let h1Low = seed | 0;
  let h2High = 0;
  let h2Low = seed | 0;
  for (let i = 0; i < blocks; i += 16) {
    mix1(wordAt(data, i + 4), wordAt(data, i));
    rotate(h1High ^ high, h1Low ^ low, 27);
    add(high, low, h2High, h2Low);
    timesFivePlus(0x52dce729);
    h1High = high;
    h1Low = low;
    mix2(wordAt(data, i + 12), wordAt(data, i + 8));
    rotate(h2High ^ high, h2Low ^ low, 31);
    add(high, low, h1High, h1Low);
    timesFivePlus(0x38495ab5);
    h2High = high;
    h2Low = low;
  }
  const tail = new Uint8Array(16);
  tail.set(data.subarray(blocks));
  mix2(wordAt(tail, 12), wordAt(tail, 8));
  h2High ^= high;
  h2Low ^= low ^ length;
  mix1(wordAt(tail, 4), wordAt(tail, 0));
  h1High ^= high;
  h1Low ^= low ^ length;

  add(h1High, h1Low, h2High, h2Low);
  h1High = high;
  h1Low = low;
  add(h2High, h2Low, h1High, h1Low);
  finish(high, low);
  h2High = high;
  h2Low = low;
  finish(h1High, h1Low);
  add(high, low, h2High, h2Low);
  h1High = high;
  h1Low = low;
  add(h2High, h2Low, h1High, h1Low);
  const out = new Uint8Array(16);
  const view = new DataView(out.buffer);
  view.setUint32(0, h1Low, true);
  view.setUint32(4, h1High, true);
  view.setUint32(8, low, true);
  view.setUint32(12, high, true);
  return out;
}

function mix1(kHigh: number, kLow: number): void {
  multiply(kHigh, kLow, C1_HIGH, C1_LOW);
  rotate(high, low, 31);
  multiply(high, low, C2_HIGH, C2_LOW);
}

function mix2(kHigh: number, kLow: number): void {
  multiply(kHigh, kLow, C2_HIGH, C2_LOW);
  // By 33: the halves change places, then by one.
  rotate(low, high, 1);
  multiply(high, low, C1_HIGH, C1_LOW);
}

/** Rotates left, by less than 32. */
function rotate(nHigh: number, nLow: number, by: number): void {
  high = (nHigh << by) | (nLow >>> (32 - by));
  low = (nLow << by) | (nHigh >>> (32 - by));
}

function add(aHigh: number, aLow: number, bHigh: number, bLow: number): void {
  const sum = (aLow >>> 0) + (bLow >>> 0);
  low = sum | 0;
  high = (aHigh + bHigh + (sum > 0xffff_ffff ? 1 : 0)) | 0;
}

function timesFivePlus(n: number): void {
  multiply(high, low, 0, 5);
  add(high, low, 0, n);
}

/** The low 64 bits of a product. */
function multiply(aHigh: number, aLow: number, bHigh: number, bLow: number): void {
  const a0 = aLow & 0xffff;
  const a1 = aLow >>> 16;
  const b0 = bLow & 0xffff;
  const b1 = bLow >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const cross = a0 * b1 + (middle & 0xffff);
  const carried = a1 * b1 + Math.floor(middle / 0x1_0000) + Math.floor(cross / 0x1_0000);
  high = (carried + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh)) | 0;
  low = Math.imul(aLow, bLow);
}

function finish(kHigh: number, kLow: number): void {
  // Shifted right by 33, only the high half is left of a number, shifted by one.
  multiply(kHigh, kLow ^ (kHigh >>> 1), 0xff51afd7, 0xed558ccd);
  multiply(high, low ^ (high >>> 1), 0xc4ceb9fe, 0x1a85ec53);
  low ^= high >>> 1;
}
