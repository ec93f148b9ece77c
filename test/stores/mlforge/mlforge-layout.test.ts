import assert from 'node:assert/strict';
import fc from 'fast-check';
import { serializeEntityKey } from '../../../src/encoding/entity-key.ts';
import { ENTITY_HASH, entityHash, entityHashOfKey } from '../../../src/stores/mlforge/mlforge-layout.ts';
import { StoreError } from '../../../src/stores/store-error.ts';
import { readGoldenLines } from '../../support/golden.ts';
import { entityKeyFromJson } from '../../support/golden-stores.ts';
import { keyOfTexts } from '../../support/mlforge-vectors.ts';

interface HashVector {
  readonly id: string;
  readonly entity_keys: Readonly<Record<string, string>>;
  readonly hash: string;
}

describe("mlforge's entity hash", () => {
  for (const { id, entity_keys: keys, hash } of readGoldenLines<HashVector>('mlforge', 'entity_hash.jsonl')) {
    it(`is what mlforge computed in ${id}`, () => {
      assert.equal(entityHash(Object.entries(keys)), hash);
      assert.equal(entityHashOfKey(serializeEntityKey(keyOfTexts(keys))), hash);
    });
  }

  it('sorts keys by code points, not by UTF-16 units', () => {
    const keys: [string, string][] = [
      ['\u{1f600}', '1'],
      ['\uffee', '2'],
    ];
    // hashlib.sha256(json.dumps(sorted({...}.items())).encode()).hexdigest()[:16]
    assert.equal(entityHash(keys), 'ff3dc754784d4328');
  });

  it('does not depend on the order of the keys', () => {
    const pairs = fc.uniqueArray(fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })), {
      selector: ([name]) => name,
    });
    fc.assert(
      fc.property(pairs, (given) => {
        assert.match(entityHash(given), ENTITY_HASH);
        assert.equal(entityHash([...given].reverse()), entityHash(given));
      }),
    );
  });

  it('takes whole numbers as their digits', () => {
    const text = entityHash([['id', '-9223372036854775808']]);
    for (const value of [{ int64Val: '-9223372036854775808' }]) {
      const key = entityKeyFromJson({ joinKeys: ['id'], entityValues: [value] });
      assert.equal(entityHashOfKey(serializeEntityKey(key)), text);
    }
    const small = entityKeyFromJson({ joinKeys: ['id'], entityValues: [{ int32Val: 7 }] });
    assert.equal(entityHashOfKey(serializeEntityKey(small)), entityHash([['id', '7']]));
  });

  it('has no pairs for a view without entities', () => {
    const key = entityKeyFromJson({ joinKeys: ['__dummy_id'], entityValues: [{ stringVal: '' }] });
    assert.equal(entityHashOfKey(serializeEntityKey(key)), entityHash([]));
  });

  it('refuses values that mlforge has no text for', () => {
    for (const value of [{ bytesVal: 'AAE=' }, { unixTimestampVal: '1700000000' }]) {
      const key = entityKeyFromJson({ joinKeys: ['id'], entityValues: [value] });
      assert.throws(
        () => entityHashOfKey(serializeEntityKey(key)),
        (error) => error instanceof StoreError && error.code === 'STORE_INVALID_ROW' && /"id"/.test(error.message),
      );
    }
  });
});
