import assert from 'node:assert/strict';
import fc from 'fast-check';
import { murmur3x64_128, murmur3x86_32 } from '../../src/encoding/murmur3.ts';
import { readGoldenLines } from '../support/golden.ts';

describe('murmur3x86_32', () => {
  it('gives the Redis hash fields that Feast wrote', () => {
    const lines = readGoldenLines<{ input: string; redis_field_hex: string }>('redis_fields.jsonl');
    assert.ok(lines.length > 10);
    for (const { input, redis_field_hex } of lines) {
      const field = Buffer.alloc(4);
      field.writeUInt32LE(murmur3x86_32(Buffer.from(input, 'utf8')));
      assert.equal(field.toString('hex'), redis_field_hex, input);
    }
  });

  it('agrees with the published values of the algorithm', () => {
    const text = Buffer.from('The quick brown fox jumps over the lazy dog');
    assert.equal(murmur3x86_32(text), 0x2e4ff723);
    assert.equal(murmur3x86_32(text, 0x9747b28c), 0x2fa826cd);
    assert.equal(murmur3x86_32(Buffer.alloc(0), 1), 0x514e28b7);
    assert.equal(murmur3x86_32(Buffer.alloc(0), 0xffffffff), 0x81f16f39);
    assert.equal(murmur3x86_32(Buffer.from([0xff, 0xff, 0xff, 0xff])), 0x76293b50);
  });

  it('does not depend on where the bytes stand in memory', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(9), (data, offset) => {
        const moved = new Uint8Array(data.length + offset + 3).fill(0xaa);
        moved.set(data, offset);
        const view = moved.subarray(offset, offset + data.length);
        assert.equal(murmur3x86_32(view), murmur3x86_32(data));
        assert.deepEqual(murmur3x64_128(view), murmur3x64_128(data));
      }),
    );
  });
});

describe('murmur3x64_128', () => {
  it('gives the DynamoDB ids that Feast wrote', () => {
    const lines = readGoldenLines<{ id: string; v3: { hex?: string }; dynamodb_entity_id: { value?: string } }>(
      'entity_keys.jsonl',
    );
    let compared = 0;
    for (const { id, v3, dynamodb_entity_id } of lines) {
      if (v3.hex === undefined) continue;
      const hash = murmur3x64_128(Buffer.from(v3.hex, 'hex'));
      assert.equal(Buffer.from(hash).toString('hex'), dynamodb_entity_id.value, id);
      compared++;
    }
    assert.ok(compared > 150);
  });

  it('agrees with the published value of the algorithm', () => {
    const text = Buffer.from('The quick brown fox jumps over the lazy dog');
    assert.equal(Buffer.from(murmur3x64_128(text)).toString('hex'), '6c1b07bc7bbc4be347939ac4a93c437a');
  });

  it('is what 64-bit arithmetic gives, for any bytes and any seed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(0xffff_ffff), (data, seed) => {
        assert.equal(Buffer.from(murmur3x64_128(data, seed)).toString('hex'), hashByBigints(data, seed));
      }),
      { numRuns: 1000 },
    );
  });
});

/** The algorithm as it is published, in 64-bit numbers. */
function hashByBigints(data: Uint8Array, seed: number): string {
  const cut = (n: bigint): bigint => BigInt.asUintN(64, n);
  const rotate = (n: bigint, by: bigint): bigint => cut(n << by) | (n >> (64n - by));
  const [c1, c2] = [0x87c37b91114253d5n, 0x4cf5ad432745937fn];
  const mix1 = (k: bigint): bigint => cut(rotate(cut(k * c1), 31n) * c2);
  const mix2 = (k: bigint): bigint => cut(rotate(cut(k * c2), 33n) * c1);
  const finish = (n: bigint): bigint => {
    const once = cut((n ^ (n >> 33n)) * 0xff51afd7ed558ccdn);
    const twice = cut((once ^ (once >> 33n)) * 0xc4ceb9fe1a85ec53n);
    return twice ^ (twice >> 33n);
  };
  const padded = Buffer.alloc(Math.ceil((data.length + 1) / 16) * 16);
  padded.set(data);
  let h1 = BigInt(seed);
  let h2 = h1;
  for (let at = 0; at < padded.length; at += 16) {
    const isWhole = at + 16 <= data.length;
    h1 ^= mix1(padded.readBigUInt64LE(at));
    if (isWhole) h1 = cut((rotate(h1, 27n) + h2) * 5n + 0x52dce729n);
    h2 ^= mix2(padded.readBigUInt64LE(at + 8));
    if (isWhole) h2 = cut((rotate(h2, 31n) + h1) * 5n + 0x38495ab5n);
  }
  h1 ^= BigInt(data.length);
  h2 ^= BigInt(data.length);
  h1 = cut(h1 + h2);
  h2 = cut(h2 + h1);
  h1 = finish(h1);
  h2 = finish(h2);
  h1 = cut(h1 + h2);
  h2 = cut(h2 + h1);
  const out = Buffer.alloc(16);
  out.writeBigUInt64LE(h1, 0);
  out.writeBigUInt64LE(h2, 8);
  return out.toString('hex');
}
