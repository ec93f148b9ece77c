import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { type Value, ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { classifyStoredValue, StoredKind } from '../../src/serving/stored-value.ts';

const INT64 = 4;

function bytesOf(val: Value['val']): Uint8Array {
  return toBinary(ValueSchema, create(ValueSchema, { val }));
}

function classify(bytes: Uint8Array, arm: number): number {
  const padded = Buffer.concat([Buffer.from([0xff, 0xff]), bytes, Buffer.from([0x00, 0x20])]);
  return classifyStoredValue(padded, 2, 2 + bytes.length, arm);
}

function varint(n: number): Buffer {
  return Buffer.from(n < 128 ? [n] : [(n & 127) | 128, n >> 7]);
}

describe('a stored value', () => {
  it('is null when it has no bytes or the null arm', () => {
    assert.equal(classify(new Uint8Array(), INT64), StoredKind.null);
    assert.equal(classify(bytesOf({ case: 'nullVal', value: 0 }), INT64), StoredKind.null);
    assert.equal(classify(bytesOf({ case: 'nullVal', value: 0 }), 0), StoredKind.null);
  });

  it('is told apart by its arm, in one and two bytes of tag', () => {
    assert.equal(classify(bytesOf({ case: 'int64Val', value: -1n }), INT64), StoredKind.expected);
    assert.equal(classify(bytesOf({ case: 'int32Val', value: 1 }), INT64), StoredKind.otherType);
    assert.equal(classify(bytesOf({ case: 'int32Val', value: 1 }), 0), StoredKind.expected);
    assert.equal(classify(bytesOf({ case: 'jsonVal', value: '{}' }), 32), StoredKind.expected);
    assert.equal(classify(bytesOf({ case: 'jsonVal', value: '{}' }), 2), StoredKind.otherType);
  });

  it('is corrupt when bytes are missing at its end or follow it', () => {
    const values: Value['val'][] = [
      { case: 'int64Val', value: 300n },
      { case: 'doubleVal', value: 1.5 },
      { case: 'floatVal', value: 1.5 },
      { case: 'stringVal', value: 'x'.repeat(200) },
      { case: 'int64ListVal', value: { $typeName: 'feast.types.Int64List', val: [1n, 300n] } },
      { case: 'jsonVal', value: '{"a":1}' },
    ];
    for (const val of values) {
      const whole = bytesOf(val);
      for (let length = 1; length < whole.length; length++) {
        assert.equal(classify(whole.subarray(0, length), 0), StoredKind.corrupt, `${val.case} cut to ${length} bytes`);
      }
      assert.equal(classify(Buffer.concat([whole, Buffer.from([0x20])]), 0), StoredKind.corrupt);
    }
  });

  it('is corrupt when its arm has the wire type of another: readers see a zero, or read on behind its end', () => {
    for (const bytes of [
      [0x21, 1, 2, 3, 4, 5, 6, 7, 8],
      [0x22, 2, 0x41, 0x42],
      [0x25, 1, 2, 3, 4],
    ]) {
      assert.equal(classify(Buffer.from(bytes), INT64), StoredKind.corrupt);
      assert.equal(classify(Buffer.from(bytes), 0), StoredKind.corrupt);
    }
    assert.equal(classify(Buffer.from([0x10, 5]), 2), StoredKind.corrupt);
    assert.equal(classify(Buffer.from([0x58, 5]), 11), StoredKind.corrupt);
    assert.equal(classify(Buffer.from([0x00, 5]), 0), StoredKind.corrupt, 'no field has the number 0');
    // Also before and behind others.
    const unknown = [0xc0, 0x0c, 7];
    for (const bytes of [
      [0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x20, 5],
      [0x20, 5, 0x21, 1, 2, 3, 4, 5, 6, 7, 8],
      [...unknown, 0x30, 0x30],
      [0x30, 0x30, ...unknown],
    ]) {
      assert.equal(classify(Buffer.from(bytes), INT64), StoredKind.corrupt);
      assert.equal(classify(Buffer.from(bytes), 0), StoredKind.corrupt);
    }
  });

  it('is corrupt when it is text that is not UTF-8: a reader would refuse the whole answer', () => {
    const cases: readonly [before: string, valid: boolean, text: Buffer][] = [
      ['', true, Buffer.from('é€😀')],
      ['', true, Buffer.from('\u0000\u007f')],
      ['', false, Buffer.from([0x80])],
      ['', false, Buffer.from([0xc3])],
      ['', false, Buffer.from([0xc0, 0xaf])],
      ['', false, Buffer.from([0xed, 0xa0, 0x80])],
      ['', false, Buffer.from([0xf4, 0x90, 0x80, 0x80])],
      ['x'.repeat(300), true, Buffer.from('é')],
      ['x'.repeat(300), false, Buffer.from([0xff])],
      ['x'.repeat(63), false, Buffer.from([0xff])],
    ];
    for (const [before, valid, rest] of cases) {
      const text = Buffer.concat([Buffer.from(before), rest]);
      for (const arm of [2, 32, 36, 37, 44]) {
        const bytes = Buffer.concat([varint((arm << 3) | 2), varint(text.length), text]);
        const is = valid ? StoredKind.expected : StoredKind.corrupt;
        assert.equal(classify(bytes, arm), is, `arm ${arm}, ${before.length} and ${rest.toString('hex')}`);
        assert.equal(classify(bytes, 0), is);
        assert.equal(classify(Buffer.concat([Buffer.from('c00c07', 'hex'), bytes]), arm), is);
      }
      const asBytes = Buffer.concat([Buffer.from([0x0a]), varint(text.length), text]);
      assert.equal(classify(asBytes, 1), StoredKind.expected, 'bytes may be any');
    }
  });

  it('takes the last of several arms, as protobuf does', () => {
    const both = Buffer.concat([bytesOf({ case: 'stringVal', value: 'a' }), bytesOf({ case: 'int64Val', value: 1n })]);
    assert.equal(classify(both, INT64), StoredKind.expected);
    assert.equal(classify(both, 2), StoredKind.otherType);
  });

  it('is never called corrupt when it is well-formed, however unusual', () => {
    const field = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => bytesOf({ case: 'int64Val', value })),
      fc.double().map((value) => bytesOf({ case: 'doubleVal', value })),
      fc.string({ unit: 'grapheme' }).map((value) => bytesOf({ case: 'stringVal', value })),
      fc.uint8Array().map((value) => bytesOf({ case: 'bytesVal', value })),
      // Field 200, unknown to us: a varint and a string.
      fc.constantFrom(Buffer.from('c00c07', 'hex'), Buffer.from('c20c026869', 'hex')),
    );
    fc.assert(
      fc.property(fc.array(field, { maxLength: 4 }), (fields) => {
        const bytes = Buffer.concat(fields);
        assert.doesNotThrow(() => fromBinary(ValueSchema, bytes));
        assert.notEqual(classify(bytes, 0), StoredKind.corrupt);
      }),
      { numRuns: 1000 },
    );
  });
});
