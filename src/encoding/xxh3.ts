/**
 * XXH3, 64 bits, with a seed.
 *
 * Source: the XXH3 chapter of the xxHash specification (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md). Numbers
 * are 64-bit words, added and multiplied modulo 2^64; texts and secrets are read little-endian.
 */

const PRIME32_1 = 0x9e37_79b1n;
const PRIME32_2 = 0x85eb_ca77n;
const PRIME32_3 = 0xc2b2_ae3dn;
const PRIME64_1 = 0x9e37_79b1_85eb_ca87n;
const PRIME64_2 = 0xc2b2_ae3d_27d4_eb4fn;
const PRIME64_3 = 0x1656_67b1_9e37_79f9n;
const PRIME64_4 = 0x85eb_ca77_c2b2_ae63n;
const PRIME64_5 = 0x27d4_eb2f_1656_67c5n;
const PRIME_MX1 = 0x1656_6791_9e37_79f9n;
const PRIME_MX2 = 0x9fb2_1c65_1e98_df25n;

const STRIPE = 64;
const STRIPES_PER_BLOCK = 16;
const BLOCK = STRIPE * STRIPES_PER_BLOCK;

const secret = viewOf(
  Buffer.from(
    'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221' +
      'b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8' +
      'a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb' +
      '170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e',
    'hex',
  ),
);

/** @param seed any 64-bit word */
export function xxh3x64(bytes: Uint8Array, seed: bigint): bigint {
  const { length } = bytes;
  const input = viewOf(bytes);
  if (length > 240) return hashLong(input, length, seed);
  if (length > 128) return hashTo240(input, length, seed);
  if (length > 16) return hashTo128(input, length, seed);
  if (length > 8) return hashTo16(input, length, seed);
  if (length >= 4) return hashTo8(input, length, seed);
  if (length > 0) return hashTo3(bytes, length, seed);
  return avalanche64(seed ^ word(secret, 56) ^ word(secret, 64));
}

function hashTo3(bytes: Uint8Array, length: number, seed: bigint): bigint {
  const first = bytes[0] ?? 0;
  const middle = bytes[length >> 1] ?? 0;
  const last = bytes[length - 1] ?? 0;
  const combined = BigInt(((middle << 24) | (first << 16) | (length << 8) | last) >>> 0);
  const flip = BigInt((secret.getUint32(0, true) ^ secret.getUint32(4, true)) >>> 0) + seed;
  return avalanche64(combined ^ wrap(flip));
}

function hashTo8(input: DataView, length: number, seed: bigint): bigint {
  const swapped = BigInt(swap32(Number(seed & 0xffff_ffffn)));
  const flip = wrap((word(secret, 8) ^ word(secret, 16)) - (seed ^ (swapped << 32n)));
  const last = BigInt(input.getUint32(length - 4, true));
  let hash = (last + (BigInt(input.getUint32(0, true)) << 32n)) ^ flip;
  hash ^= rotateLeft(hash, 49n) ^ rotateLeft(hash, 24n);
  hash = wrap(hash * PRIME_MX2);
  hash ^= (hash >> 35n) + BigInt(length);
  hash = wrap(hash * PRIME_MX2);
  return hash ^ (hash >> 28n);
}

function hashTo16(input: DataView, length: number, seed: bigint): bigint {
  const low = word(input, 0) ^ wrap((word(secret, 24) ^ word(secret, 32)) + seed);
  const high = word(input, length - 8) ^ wrap((word(secret, 40) ^ word(secret, 48)) - seed);
  return avalanche(wrap(BigInt(length) + swap64(low) + high + foldedProduct(low, high)));
}

function hashTo128(input: DataView, length: number, seed: bigint): bigint {
  let sum = BigInt(length) * PRIME64_1;
  // From both ends inwards, 16 bytes at a time.
  for (let pair = Math.ceil(length / 32) - 1; pair >= 0; pair--) {
    sum += mix16(input, pair * 16, pair * 32, seed);
    sum += mix16(input, length - (pair + 1) * 16, pair * 32 + 16, seed);
  }
  return avalanche(wrap(sum));
}

function hashTo240(input: DataView, length: number, seed: bigint): bigint {
  let sum = BigInt(length) * PRIME64_1;
  for (let round = 0; round < 8; round++) sum += mix16(input, round * 16, round * 16, seed);
  sum = avalanche(wrap(sum));
  const rounds = length >> 4;
  for (let round = 8; round < rounds; round++) sum += mix16(input, round * 16, (round - 8) * 16 + 3, seed);
  sum += mix16(input, length - 16, 136 - 17, seed);
  return avalanche(wrap(sum));
}

function hashLong(input: DataView, length: number, seed: bigint): bigint {
  const own = seededSecret(seed);
  const lanes = [PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1];
  const blocks = Math.floor((length - 1) / BLOCK);
  for (let block = 0; block < blocks; block++) {
    for (let stripe = 0; stripe < STRIPES_PER_BLOCK; stripe++) {
      accumulate(lanes, input, block * BLOCK + stripe * STRIPE, own, stripe * 8);
    }
    scramble(lanes, own, own.byteLength - STRIPE);
  }
  const stripes = Math.floor((length - 1 - blocks * BLOCK) / STRIPE);
  for (let stripe = 0; stripe < stripes; stripe++) {
    accumulate(lanes, input, blocks * BLOCK + stripe * STRIPE, own, stripe * 8);
  }
  accumulate(lanes, input, length - STRIPE, own, own.byteLength - STRIPE - 7);
  let sum = BigInt(length) * PRIME64_1;
  for (let pair = 0; pair < 4; pair++) {
    const low = lane(lanes, pair * 2) ^ word(own, 11 + pair * 16);
    const high = lane(lanes, pair * 2 + 1) ^ word(own, 11 + pair * 16 + 8);
    sum += foldedProduct(low, high);
  }
  return avalanche(wrap(sum));
}

function seededSecret(seed: bigint): DataView {
  const own = new DataView(new ArrayBuffer(secret.byteLength));
  for (let at = 0; at < secret.byteLength; at += 16) {
    own.setBigUint64(at, wrap(word(secret, at) + seed), true);
    own.setBigUint64(at + 8, wrap(word(secret, at + 8) - seed), true);
  }
  return own;
}

function accumulate(lanes: bigint[], input: DataView, at: number, own: DataView, secretAt: number): void {
  for (let index = 0; index < 8; index++) {
    const data = word(input, at + index * 8);
    const key = data ^ word(own, secretAt + index * 8);
    lanes[index ^ 1] = wrap(lane(lanes, index ^ 1) + data);
    lanes[index] = wrap(lane(lanes, index) + (key & 0xffff_ffffn) * (key >> 32n));
  }
}

function scramble(lanes: bigint[], own: DataView, secretAt: number): void {
  for (let index = 0; index < 8; index++) {
    const sum = lane(lanes, index);
    lanes[index] = wrap((sum ^ (sum >> 47n) ^ word(own, secretAt + index * 8)) * PRIME32_1);
  }
}

function mix16(input: DataView, at: number, secretAt: number, seed: bigint): bigint {
  const low = word(input, at) ^ wrap(word(secret, secretAt) + seed);
  const high = word(input, at + 8) ^ wrap(word(secret, secretAt + 8) - seed);
  return foldedProduct(low, high);
}

/** Both halves of the 128-bit product, one over the other. */
function foldedProduct(a: bigint, b: bigint): bigint {
  const product = a * b;
  return wrap(product) ^ (product >> 64n);
}

function avalanche(sum: bigint): bigint {
  const hash = wrap((sum ^ (sum >> 37n)) * PRIME_MX1);
  return hash ^ (hash >> 32n);
}

function avalanche64(sum: bigint): bigint {
  let hash = wrap((sum ^ (sum >> 33n)) * PRIME64_2);
  hash = wrap((hash ^ (hash >> 29n)) * PRIME64_3);
  return hash ^ (hash >> 32n);
}

function wrap(n: bigint): bigint {
  return BigInt.asUintN(64, n);
}

function rotateLeft(n: bigint, bits: bigint): bigint {
  return wrap(n << bits) | (n >> (64n - bits));
}

const swapped = new DataView(new ArrayBuffer(8));

function swap32(n: number): number {
  swapped.setUint32(0, n, true);
  return swapped.getUint32(0, false);
}

function swap64(n: bigint): bigint {
  swapped.setBigUint64(0, n, true);
  return swapped.getBigUint64(0, false);
}

function word(view: DataView, at: number): bigint {
  return view.getBigUint64(at, true);
}

function lane(lanes: readonly bigint[], index: number): bigint {
  return lanes[index] ?? 0n;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
