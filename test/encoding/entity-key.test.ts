import assert from 'node:assert/strict';
import { create, fromBinary, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { type EntityKey, EntityKeySchema } from '../../gen/feast/types/EntityKey_pb.ts';
import { type Value, ValueSchema } from '../../gen/feast/types/Value_pb.ts';
import { EncodingError, type EncodingErrorCode } from '../../src/encoding/encoding-error.ts';
import {
  compareCodePoints,
  createEntityKeyEncoder,
  deserializeEntityKey,
  entityKeyVersionOf,
  serializeEntityKey,
  serializeEntityKeyPrefix,
  sortedJoinKeys,
} from '../../src/encoding/entity-key.ts';
import { readGoldenLines } from '../support/golden.ts';

type Outcome =
  | { readonly hex: string; readonly error?: undefined }
  | { readonly hex?: undefined; readonly error: { readonly class: string } };

interface EntityKeyVector {
  readonly id: string;
  readonly note: string;
  readonly project: string;
  readonly entity_key_proto_hex: string;
  readonly v3: Outcome;
  readonly v2: Outcome;
  readonly redis_key: Outcome;
  readonly prefix_v3: Outcome;
  readonly deserialized_json?: JsonValue;
}

const vectors = readGoldenLines<EntityKeyVector>('entity_keys.jsonl');

/** Which code stands for the Python exception that Feast raised. */
const codes: Readonly<Record<string, EncodingErrorCode>> = {
  ValueError: 'UNSUPPORTED_ENTITY_KEY_TYPE',
  TypeError: 'DUPLICATE_JOIN_KEY',
  IndexError: 'MISSING_JOIN_KEY',
};

/** Feast drops NUL bytes at the end of a join key's name when it reads one back; here names come back as they were written. */
const READS_BACK_EXACTLY = new Set(['ek071']);

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const keyOf = (vector: EntityKeyVector) => fromBinary(EntityKeySchema, Buffer.from(vector.entity_key_proto_hex, 'hex'));
const valuesOf = (key: EntityKey) => key.entityValues.map((value) => toBinary(ValueSchema, value));
const codeOf = (code: EncodingErrorCode) => (error: unknown) => error instanceof EncodingError && error.code === code;

describe('the recorded entity keys', () => {
  for (const version of [3, 2] as const) {
    it(`are serialized as Feast serializes them, version ${version}`, () => {
      for (const vector of vectors) {
        const expected = vector[`v${version}`];
        if (expected.error === undefined) {
          assert.equal(hex(serializeEntityKey(keyOf(vector), version)), expected.hex, vector.note);
        } else {
          const code = codes[expected.error.class];
          assert.ok(code !== undefined, expected.error.class);
          assert.throws(() => serializeEntityKey(keyOf(vector), version), codeOf(code), vector.note);
        }
      }
    });

    it(`come out of the encoder of encoded values the same, version ${version}`, () => {
      let compared = 0;
      for (const vector of vectors) {
        const key = keyOf(vector);
        const expected = vector[`v${version}`];
        if (key.joinKeys.length !== key.entityValues.length || expected.error?.class === 'TypeError') continue;
        const encoder = createEntityKeyEncoder(key.joinKeys, version);
        if (expected.error === undefined) assert.equal(hex(encoder.encode(valuesOf(key))), expected.hex, vector.note);
        else assert.throws(() => encoder.encode(valuesOf(key)), codeOf('UNSUPPORTED_ENTITY_KEY_TYPE'), vector.note);
        compared++;
      }
      assert.ok(compared > 170);
    });
  }

  it('are read back as Feast reads them, and give the same bytes again', () => {
    for (const vector of vectors) {
      if (vector.v3.error !== undefined) continue;
      const key = deserializeEntityKey(Buffer.from(vector.v3.hex, 'hex'));
      assert.equal(hex(serializeEntityKey(key)), vector.v3.hex, vector.note);
      if (!READS_BACK_EXACTLY.has(vector.id))
        assert.deepEqual(toJson(EntityKeySchema, key), vector.deserialized_json, vector.note);
    }
  });

  it('keep NUL bytes at the end of a join key name', () => {
    const vector = vectors.find(({ id }) => READS_BACK_EXACTLY.has(id));
    assert.ok(vector?.v3.hex !== undefined);
    assert.deepEqual(deserializeEntityKey(Buffer.from(vector.v3.hex, 'hex')).joinKeys, ['driver_id\0']);
  });

  it('begin with the recorded prefix', () => {
    for (const vector of vectors) {
      assert.equal(hex(serializeEntityKeyPrefix(keyOf(vector).joinKeys)), vector.prefix_v3.hex, vector.note);
    }
  });

  it('are recognised as version 3 or version 2 by their join keys', () => {
    let compared = 0;
    for (const vector of vectors) {
      const key = keyOf(vector);
      // Without join keys version 2 has no bytes at all; with fewer values than names neither is a whole key.
      if (vector.v3.error !== undefined || vector.v2.error !== undefined) continue;
      if (key.joinKeys.length === 0 || key.joinKeys.length !== key.entityValues.length) continue;
      assert.equal(entityKeyVersionOf(Buffer.from(vector.v3.hex, 'hex'), key.joinKeys), 3, vector.note);
      assert.equal(entityKeyVersionOf(Buffer.from(vector.v2.hex, 'hex'), key.joinKeys), 2, vector.note);
      assert.equal(entityKeyVersionOf(Buffer.from(vector.v3.hex, 'hex'), ['another_id']), undefined, vector.note);
      compared++;
    }
    assert.ok(compared > 150);
  });
});

const joinKeys = fc.uniqueArray(fc.string({ unit: 'grapheme', maxLength: 12 }), { minLength: 1, maxLength: 6 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const keyValue: fc.Arbitrary<Value> = fc
  .oneof(
    fc.string({ unit: 'binary' }).map((value) => ({ case: 'stringVal', value }) as const),
    fc.string({ minLength: 60, maxLength: 200 }).map((value) => ({ case: 'stringVal', value }) as const),
    fc.uint8Array({ maxLength: 80 }).map((value) => ({ case: 'bytesVal', value }) as const),
    fc.integer().map((value) => ({ case: 'int32Val', value }) as const),
    int64.map((value) => ({ case: 'int64Val', value }) as const),
    int64.map((value) => ({ case: 'unixTimestampVal', value }) as const),
  )
  .map((val) => create(ValueSchema, { val }));
const entityKey = joinKeys.chain((names) =>
  fc
    .array(keyValue, { minLength: names.length, maxLength: names.length })
    .map((entityValues) => create(EntityKeySchema, { joinKeys: names, entityValues })),
);

describe('entity keys', () => {
  it('round trip through version 3, in code point order of their names', () => {
    fc.assert(
      fc.property(entityKey, (key) => {
        const read = deserializeEntityKey(serializeEntityKey(key));
        assert.deepEqual(read.joinKeys, sortedJoinKeys(key.joinKeys));
        for (const [i, name] of key.joinKeys.entries()) {
          assert.deepEqual(read.entityValues[read.joinKeys.indexOf(name)], key.entityValues[i]);
        }
      }),
    );
  });

  it('are the same from the encoder and from the message, at any place of a buffer', () => {
    fc.assert(
      fc.property(entityKey, fc.constantFrom(2, 3), fc.nat(20), (key, version, pos) => {
        const expected = serializeEntityKey(key, version);
        const encoder = createEntityKeyEncoder(key.joinKeys, version);
        assert.deepEqual(encoder.encode(valuesOf(key)), expected);
        const slices = valuesOf(key).map((value) => {
          const data = new Uint8Array(value.length + 9).fill(0xff);
          data.set(value, 4);
          return { data, start: 4, end: 4 + value.length };
        });
        assert.equal(encoder.size(slices), expected.length);
        const out = new Uint8Array(pos + expected.length + 5).fill(0xee);
        assert.equal(encoder.write(slices, out, pos), pos + expected.length);
        assert.deepEqual(out.subarray(pos, pos + expected.length), expected);
        assert.ok(out.subarray(0, pos).every((byte) => byte === 0xee));
        assert.ok(out.subarray(pos + expected.length).every((byte) => byte === 0xee));
      }),
    );
  });

  it('are recognised with their version, and nothing is made of cut or lengthened ones', () => {
    fc.assert(
      fc.property(entityKey, fc.constantFrom(2, 3), (key, version) => {
        const bytes = serializeEntityKey(key, version);
        assert.equal(entityKeyVersionOf(bytes, key.joinKeys), version);
        assert.equal(entityKeyVersionOf(bytes.subarray(0, -1), key.joinKeys), undefined);
        assert.equal(entityKeyVersionOf(Buffer.concat([bytes, Buffer.from('p')]), key.joinKeys), undefined);
      }),
    );
  });

  it('sort by code point where UTF-16 order differs', () => {
    assert.deepEqual(sortedJoinKeys(['😀', '\ufffd', 'b', 'B', '_', 'é']), ['B', '_', 'b', 'é', '\ufffd', '😀']);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        // UTF-8 keeps the order of code points.
        assert.equal(Math.sign(compareCodePoints(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('take the last arm where a serialized value holds several', () => {
    const both = Buffer.concat([
      toBinary(ValueSchema, create(ValueSchema, { val: { case: 'stringVal', value: 'x' } })),
      toBinary(ValueSchema, create(ValueSchema, { val: { case: 'int64Val', value: 7n } })),
    ]);
    const encoder = createEntityKeyEncoder(['id']);
    assert.deepEqual(encoder.encode([both]), encoder.encode([Buffer.from('2007', 'hex')]));
  });

  it('refuse a join key that is given twice', () => {
    assert.throws(() => createEntityKeyEncoder(['a', 'b', 'a']), codeOf('DUPLICATE_JOIN_KEY'));
    const seven = create(ValueSchema, { val: { case: 'int64Val', value: 7n } });
    const same = create(EntityKeySchema, { joinKeys: ['a', 'a'], entityValues: [seven, seven] });
    assert.equal(deserializeEntityKey(serializeEntityKey(same)).joinKeys.length, 2);
  });

  it('name the join key and the type of a value that they cannot hold', () => {
    const encoder = createEntityKeyEncoder(['driver_id']);
    assert.throws(() => encoder.encode([Buffer.from('3801', 'hex')]), /driver_id has a value of type BOOL/);
    assert.throws(() => encoder.encode([new Uint8Array(0)]), /driver_id has no value/);
    assert.throws(() => encoder.encode([]), codeOf('MISSING_JOIN_KEY'));
    assert.throws(() => encoder.encode([Buffer.from('1205', 'hex')]), codeOf('MALFORMED_MESSAGE'));
    assert.throws(() => serializeEntityKeyPrefix(['\ud83d']), codeOf('INVALID_TEXT'));
  });

  it('give an error, and only that, for bytes that are not a key', () => {
    const v2 = serializeEntityKey(
      create(EntityKeySchema, {
        joinKeys: ['a'],
        entityValues: [create(ValueSchema, { val: { case: 'int64Val', value: 1n } })],
      }),
      2,
    );
    assert.throws(() => deserializeEntityKey(v2), codeOf('MALFORMED_ENTITY_KEY'));
    assert.throws(() => deserializeEntityKey(Buffer.from('ffffffff', 'hex')), codeOf('MALFORMED_ENTITY_KEY'));
    fc.assert(
      fc.property(entityKey, fc.nat(), fc.nat(255), fc.nat(), (key, at, byte, length) => {
        const bytes = serializeEntityKey(key);
        bytes[at % bytes.length] = byte;
        const broken = bytes.subarray(0, (length % bytes.length) + 1);
        try {
          deserializeEntityKey(broken);
        } catch (error) {
          assert.ok(codeOf('MALFORMED_ENTITY_KEY')(error), String(error));
        }
        const version = entityKeyVersionOf(broken, key.joinKeys);
        assert.ok(version === undefined || version === 2 || version === 3);
      }),
      { numRuns: 500 },
    );
  });

  it('give an error, and only that, for values that are not a message', () => {
    const encoder = createEntityKeyEncoder(['a', 'b']);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 20 }), (a, b) => {
        try {
          assert.equal(entityKeyVersionOf(encoder.encode([a, b]), ['b', 'a']) ?? 3, 3);
        } catch (error) {
          assert.ok(error instanceof EncodingError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });
});
