import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { EncodingError } from '../../src/encoding/encoding-error.ts';
import {
  assertWellFormed,
  copyBytes,
  int64Size,
  timestampSize,
  utf8Size,
  varintSize,
  WIRE_GROUP_END,
  WIRE_GROUP_START,
  WireReader,
  writeBigint,
  writeInt64,
  writeTimestamp,
  writeUtf8,
  writeVarint,
} from '../../src/encoding/wire.ts';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const safeInteger = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32, 2 ** 35, 2 ** 49, 2 ** 53 - 1, -1),
);

function written(size: number, write: (out: Uint8Array, pos: number) => number): Uint8Array {
  const out = new Uint8Array(size + 3).fill(0xee);
  assert.equal(write(out, 1), size + 1, 'the size that was announced');
  assert.equal(out[0], 0xee);
  assert.equal(out[size + 1], 0xee);
  return out.subarray(1, size + 1);
}

function malformed(read: () => unknown): void {
  assert.throws(read, (error) => error instanceof EncodingError && error.code === 'MALFORMED_MESSAGE');
}

describe('protobuf wire writers', () => {
  it('write unsigned varints as protobuf-es does, up to 2^53', () => {
    const check = (n: number) => {
      const bytes = written(varintSize(n), (out, pos) => writeVarint(out, pos, n));
      assert.deepEqual(bytes, new BinaryWriter().uint64(BigInt(n)).finish());
      assert.equal(new WireReader(bytes).varint(), n);
    };
    for (let bits = 0; bits < 53; bits++) for (const n of [2 ** bits - 1, 2 ** bits]) check(n);
    check(Number.MAX_SAFE_INTEGER);
    assert.deepEqual(
      written(varintSize(2 ** 53), (out, pos) => writeVarint(out, pos, 2 ** 53)),
      new BinaryWriter().uint64(2n ** 53n).finish(),
    );
    fc.assert(fc.property(fc.maxSafeNat(), check));
  });

  it('write signed 64-bit integers as protobuf-es does', () => {
    fc.assert(
      fc.property(safeInteger, (n) => {
        const bytes = written(int64Size(n), (out, pos) => writeInt64(out, pos, n));
        assert.deepEqual(bytes, new BinaryWriter().int64(n).finish());
        assert.equal(new WireReader(bytes).int64Number(), n);
      }),
    );
    fc.assert(
      fc.property(int64, (n) => {
        const expected = new BinaryWriter().int64(n).finish();
        const bytes = written(expected.length, (out, pos) => writeBigint(out, pos, n));
        assert.deepEqual(bytes, expected);
        assert.equal(new WireReader(bytes).int64(), n);
      }),
    );
  });

  it('copy bytes of any length', () => {
    for (const length of [0, 1, 39, 40, 41, 1000]) {
      const source = Uint8Array.from({ length: length + 5 }, (_, i) => i);
      const bytes = written(length, (out, pos) => copyBytes(source, 2, 2 + length, out, pos));
      assert.deepEqual(bytes, source.subarray(2, 2 + length));
    }
  });

  it('write strings as UTF-8 and refuse half a surrogate pair', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const bytes = written(utf8Size(text), (out, pos) => writeUtf8(out, pos, text));
        assert.deepEqual(Buffer.from(bytes), Buffer.from(text, 'utf8'));
        assertWellFormed(text, 'A text');
      }),
    );
    for (const text of ['\ud83d', 'a\ude95b', '\ude95\ud83d']) {
      assert.throws(() => assertWellFormed(text, 'A text'), { code: 'INVALID_TEXT' });
    }
  });

  it('write timestamps as protobuf-es does, zero fields left out', () => {
    const seconds = fc.integer({ min: -62_135_596_800, max: 253_402_300_799 });
    fc.assert(
      fc.property(fc.oneof(seconds, fc.constant(0)), fc.oneof(fc.nat(999_999_999), fc.constant(0)), (s, nanos) => {
        const bytes = written(timestampSize(s, nanos), (out, pos) => writeTimestamp(out, pos, s, nanos));
        const message: Timestamp = create(TimestampSchema, { seconds: BigInt(s), nanos });
        assert.deepEqual(bytes, toBinary(TimestampSchema, message));
        assert.deepEqual(fromBinary(TimestampSchema, bytes), message);
      }),
    );
  });
});

describe('WireReader', () => {
  it('reads every wire type that protobuf-es writes', () => {
    const bytes = new BinaryWriter()
      .tag(1, 0)
      .int32(-5)
      .tag(2, 1)
      .double(-0.1)
      .tag(3, 2)
      .string('größe 🚕')
      .tag(4, 5)
      .float(1.5)
      .tag(5, 0)
      .bool(true)
      .tag(6, 5)
      .fixed32(0xdeadbeef)
      .finish();
    const reader = new WireReader(bytes);
    const tags: number[] = [];
    const next = () => tags.push(reader.tag());
    next();
    assert.equal(reader.int32(), -5);
    next();
    assert.equal(reader.double(), -0.1);
    next();
    assert.equal(reader.string(), 'größe 🚕');
    next();
    assert.equal(reader.float(), 1.5);
    next();
    assert.equal(reader.bool(), true);
    next();
    assert.equal(reader.fixed32(), 0xdeadbeef);
    next();
    assert.deepEqual(tags, [0x08, 0x11, 0x1a, 0x25, 0x28, 0x35, 0]);
  });

  it('stays inside its part of the buffer', () => {
    const bytes = Uint8Array.from([0xff, 0x08, 0x05, 0x0a, 0x03, 0x61, 0x62, 0x63]);
    const reader = new WireReader(bytes, 1, 5);
    assert.equal(reader.tag(), 0x08);
    assert.equal(reader.varint(), 5);
    assert.equal(reader.tag(), 0x0a);
    malformed(() => reader.bytes());
    malformed(() => new WireReader(bytes, 2, 99).skip(1));
    assert.equal(new WireReader(bytes, 8).tag(), 0);
  });

  it('refuses what is truncated, overlong or no tag', () => {
    malformed(() => new WireReader(Uint8Array.of(0x80)).varint());
    malformed(() => new WireReader(new Uint8Array(11).fill(0x80)).varint());
    malformed(() => new WireReader(new Uint8Array(11).fill(0x80)).int64());
    malformed(() => new WireReader(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)).varint());
    malformed(() => new WireReader(Uint8Array.of(0x00)).tag());
    malformed(() => new WireReader(Uint8Array.of(0x07)).tag());
    malformed(() => new WireReader(Uint8Array.of(0x0e)).tag());
    malformed(() => new WireReader(Uint8Array.of(0x88, 0x80, 0x80, 0x80, 0x10)).tag());
    malformed(() => new WireReader(Uint8Array.of(0x02, 0xc3, 0x28)).string());
    malformed(() => new WireReader(new BinaryWriter().int64(2n ** 53n).finish()).int64Number());
  });

  it('passes over groups and notices those that do not fit', () => {
    const read = (...tags: readonly (readonly [number, number])[]) => {
      const writer = new BinaryWriter();
      for (const [field, wireType] of tags) writer.tag(field, wireType);
      const reader = new WireReader(writer.finish());
      reader.skip(reader.tag() & 7);
      return reader.tag();
    };
    const [start, end] = [WIRE_GROUP_START, WIRE_GROUP_END];
    assert.equal(read([7, start], [8, start], [8, end], [7, end]), 0);
    malformed(() => read([7, start], [8, end]));
    malformed(() => read([7, start]));
    malformed(() => read([7, end]));
    malformed(() =>
      read(
        ...Array.from({ length: 102 }, () => [1, start] as const),
        ...Array.from({ length: 102 }, () => [1, end] as const),
      ),
    );
  });

  it('never hangs, never leaves its bounds and raises nothing else, whatever the bytes', () => {
    const calls = fc.constantFrom<(reader: WireReader) => unknown>(
      (reader) => reader.skip(reader.tag() & 7),
      (reader) => reader.varint(),
      (reader) => reader.int64(),
      (reader) => reader.int32(),
      (reader) => reader.double(),
      (reader) => reader.string(),
      (reader) => reader.message().tag(),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.array(calls, { maxLength: 60 }), (data, steps) => {
        const buffer = new Uint8Array(data.length + 20).fill(0x01);
        buffer.set(data, 10);
        const reader = new WireReader(buffer, 10, 10 + data.length);
        try {
          for (const step of steps) step(reader);
        } catch (error) {
          assert.ok(error instanceof EncodingError, String(error));
        }
        assert.ok(reader.pos >= 10 && reader.pos <= reader.end);
      }),
      { numRuns: 2000 },
    );
  });

  it('agrees with protobuf-es on every varint that both accept', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 10 }), (data) => {
        const bytes = data.map((byte, i) => (i === data.length - 1 ? byte & 0x7f : byte | 0x80));
        assert.equal(new WireReader(bytes).int64(), BigInt(new BinaryReader(bytes).int64()));
      }),
    );
  });
});
