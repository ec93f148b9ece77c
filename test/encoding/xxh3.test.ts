import assert from 'node:assert/strict';
import fc from 'fast-check';
import { xxh3x64 } from '../../src/encoding/xxh3.ts';
import { readGoldenJson } from '../support/golden.ts';

interface Vector {
  readonly length: number;
  readonly seed: string;
  readonly hash: string;
}

/** Bytes 0, 1, 2, … multiplied by 167: no two neighbours alike, and no period below 256. */
function bytesOfLength(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 167) & 0xff);
}

describe('xxh3x64', () => {
  it('gives what the reference library gives, for every length class and its edges', () => {
    const vectors = readGoldenJson<readonly Vector[]>('xxh3.json');
    assert.ok(vectors.length > 100);
    for (const { length, seed, hash } of vectors) {
      assert.equal(xxh3x64(bytesOfLength(length), BigInt(seed)).toString(), hash, `length ${length}, seed ${seed}`);
    }
  });

  it('reads the bytes of a view and none around it', () => {
    const bytes = fc.uint8Array({ minLength: 0, maxLength: 600 });
    fc.assert(
      fc.property(bytes, bytes, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (before, own, seed) => {
        const all = Buffer.concat([before, own, before]);
        const view = all.subarray(before.length, before.length + own.length);
        const hash = xxh3x64(view, seed);
        assert.equal(hash, xxh3x64(own, seed));
        assert.ok(hash >= 0n && hash < 2n ** 64n);
      }),
      { numRuns: 300 },
    );
  });

  it('changes with every byte and with the seed', () => {
    const cases = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 600 }), fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(cases, ([bytes, at, by]) => {
        const other = Uint8Array.from(bytes);
        const index = at % bytes.length;
        other[index] = ((other[index] ?? 0) + by) & 0xff;
        assert.notEqual(xxh3x64(bytes, 7n), xxh3x64(other, 7n));
        assert.notEqual(xxh3x64(bytes, 7n), xxh3x64(bytes, 8n));
      }),
      { numRuns: 300 },
    );
  });
});
