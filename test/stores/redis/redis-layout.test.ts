import assert from 'node:assert/strict';
import fc from 'fast-check';
import { deserializeEntityKey, serializeEntityKey } from '../../../src/encoding/entity-key.ts';
import {
  decodeTime,
  encodeTime,
  featureField,
  isKeyOfProject,
  projectSuffix,
  redisKey,
  scanPattern,
  tableOfTimeField,
  timeField,
} from '../../../src/stores/redis/redis-layout.ts';
import { readGoldenLines } from '../../support/golden.ts';
import { driverKey } from '../../support/store-rows.ts';

interface RecordedField {
  /** `<view>:<feature>`, and some texts that are neither. */
  readonly input: string;
  readonly redis_field_hex: string;
}

interface RecordedKey {
  readonly id: string;
  readonly v3: { readonly hex?: string };
  readonly redis_key: { readonly hex?: string };
}

describe('the Redis layout', () => {
  it("hashes a feature's name to the field that Feast recorded", () => {
    for (const { input, redis_field_hex } of readGoldenLines<RecordedField>('redis_fields.jsonl')) {
      const colon = input.indexOf(':');
      if (colon < 0) continue;
      const field = featureField(input.slice(0, colon), input.slice(colon + 1));
      assert.equal(field.toString('hex'), redis_field_hex, input);
    }
  });

  it("makes the keys that Feast recorded from entity key and project, and knows the project's own", () => {
    let compared = 0;
    for (const { id, v3, redis_key } of readGoldenLines<RecordedKey>('entity_keys.jsonl')) {
      if (v3.hex === undefined || redis_key.hex === undefined) continue;
      const project = Buffer.from(redis_key.hex, 'hex').subarray(v3.hex.length / 2);
      const key = redisKey(Buffer.from(v3.hex, 'hex'), project);
      assert.equal(key.toString('hex'), redis_key.hex);
      const { joinKeys } = deserializeEntityKey(Buffer.from(v3.hex, 'hex'));
      assert.ok(isKeyOfProject(key, joinKeys, project), id);
      assert.ok(!isKeyOfProject(Buffer.concat([key, Buffer.from('x')]), joinKeys, project));
      compared++;
    }
    assert.ok(compared > 10);
  });

  it('does not take the key of a project for that of one whose name it ends with', () => {
    const key = redisKey(serializeEntityKey(driverKey(1)), projectSuffix('my_shop'));
    assert.ok(!isKeyOfProject(key, ['driver_id'], projectSuffix('shop')));
    assert.ok(isKeyOfProject(key, ['driver_id'], projectSuffix('my_shop')));
    for (let length = 0; length < key.length; length++) {
      assert.ok(!isKeyOfProject(key.subarray(0, length), ['driver_id'], projectSuffix('my_shop')));
    }
  });

  it('escapes what SCAN takes for a wildcard, in lengths as well as in names', () => {
    const pattern = scanPattern(['*'.repeat(42)], projectSuffix('a?b'));
    const [length, ...names] = [Buffer.from([0x5c, 42, 0, 0, 0]), Buffer.from('\\*'.repeat(42)), Buffer.from('*a\\?b')];
    assert.deepEqual(pattern, Buffer.concat([Buffer.from([1, 0, 0, 0, 2, 0, 0, 0]), length, ...names]));
  });

  it('finds the view of a time field, and none for a feature', () => {
    assert.equal(tableOfTimeField(timeField('ansicht_😀')), 'ansicht_😀');
    assert.equal(tableOfTimeField(Buffer.from('_ts:')), undefined);
    assert.equal(tableOfTimeField(featureField('a', 'b')), undefined);
  });

  it('reads back every time that it writes, to the microsecond', () => {
    const seconds = fc.integer({ min: -62_135_596_800, max: 253_402_300_799 });
    fc.assert(
      fc.property(seconds, fc.integer({ min: 0, max: 999_999_999 }), (whole, nanos) => {
        const micros = nanos - (nanos % 1000);
        assert.deepEqual(decodeTime(encodeTime({ seconds: whole, nanos })), { seconds: whole, nanos: micros });
      }),
    );
  });

  it('takes no other bytes for a time', () => {
    for (const bytes of [
      '08',
      '0a00',
      '08ffffffffffffffffff01aa',
      '10ffffffff0f',
      '1080a8d6b907',
      '08ffffffffffffffff7f',
    ]) {
      assert.equal(decodeTime(Buffer.from(bytes, 'hex')), undefined, bytes);
    }
    assert.deepEqual(decodeTime(new Uint8Array()), { seconds: 0, nanos: 0 });
  });
});
