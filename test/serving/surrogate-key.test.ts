import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type SurrogateAlgorithm, surrogateAlgorithms } from '../../src/config/entity-key-schema.ts';
import { type ColumnValue, columnText, surrogateKey } from '../../src/serving/surrogate-key.ts';
import { entityHash } from '../../src/stores/mlforge/mlforge-layout.ts';
import { readGoldenLines } from '../support/golden.ts';

interface KeyVector {
  readonly id: string;
  readonly from_columns: readonly string[];
  readonly row: Readonly<Record<string, string | number | boolean | null>>;
  readonly dtypes: Readonly<Record<string, string>>;
  readonly concat: string;
  readonly user_id: string;
  readonly entity_hash: string;
  readonly by_polars: Readonly<Record<string, string>>;
}

const algorithmOf: Readonly<Record<string, SurrogateAlgorithm>> = {
  '0.20.31': 'polars-0.20',
  '1.20.0': 'polars-0.20',
  '1.35.2': 'polars-1',
  '1.36.1': 'polars-1',
  '1.44.2': 'polars-1',
  '2.0.0': 'polars-2.0',
};

const vectors = readGoldenLines<KeyVector>('mlforge', 'surrogate_key.jsonl');

/** As the request would carry it, in the type of the frame's column. */
function columnValue(value: KeyVector['row'][string] | undefined, dtype: string | undefined): ColumnValue {
  if (typeof value === 'number') return dtype === 'Float64' ? { float: value, bits: 64 } : BigInt(value);
  return value ?? null;
}

function textsOf({ from_columns: columns, row, dtypes }: KeyVector, algorithm: SurrogateAlgorithm): (string | null)[] {
  return columns.map((name) => columnText(columnValue(row[name], dtypes[name]), algorithm) ?? null);
}

describe('a surrogate key', () => {
  for (const vector of vectors) {
    it(`is what mlforge made on each version of polars in ${vector.id}`, () => {
      assert.ok(Object.keys(vector.by_polars).length > 5);
      for (const [version, key] of Object.entries(vector.by_polars)) {
        const algorithm = algorithmOf[version];
        if (algorithm !== undefined) assert.equal(surrogateKey(algorithm, textsOf(vector, algorithm)), key, version);
        else for (const known of surrogateAlgorithms) assert.notEqual(surrogateKey(known, textsOf(vector, known)), key);
      }
      const key = surrogateKey('polars-1', textsOf(vector, 'polars-1'));
      assert.equal(key, vector.user_id);
      assert.equal(entityHash([['user_id', key]]), vector.entity_hash);
      assert.equal(
        textsOf(vector, 'polars-1')
          .map((text) => text ?? '__NULL__')
          .join('||'),
        vector.concat,
      );
    });
  }

  it('is the digest of the texts that are there in the PySpark engine', () => {
    assert.equal(
      surrogateKey('sha256-spark', ['John', 'Doe', '1990-01-15']),
      '295f7ef19e5db7fb0b07a86d1ff8e0c7a6fb2ca2ffd58abd3955a2581855253a',
    );
    assert.equal(
      surrogateKey('sha256-spark', [null, 'Doe', '1990-01-15']),
      'f2150360c736a5e9fd74c9ac4ca1b40e8093a83a467ea4f096563324200abb3a',
    );
  });

  it('depends on the joined text and on nothing else', () => {
    const text = fc.option(fc.string({ unit: 'grapheme', maxLength: 300 }), { nil: null });
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 6 }),
        fc.constantFrom(...surrogateAlgorithms),
        (texts, by) => {
          const spark = by === 'sha256-spark';
          const joined = spark
            ? texts.filter((each) => each !== null).join('__')
            : texts.map((each) => each ?? '__NULL__').join('||');
          const key = surrogateKey(by, texts);
          assert.equal(key, surrogateKey(by, [joined]));
          assert.match(key, spark ? /^[0-9a-f]{64}$/ : /^(0|[1-9]\d{0,19})$/);
          assert.notEqual(key, surrogateKey(by, [`${joined} `]));
        },
      ),
    );
  });

  it('has no text for what the engines write differently from version to version', () => {
    assert.equal(columnText({ float: 1e16, bits: 64 }, 'polars-1'), undefined);
    assert.equal(columnText({ float: 1.5, bits: 64 }, 'sha256-spark'), undefined);
    assert.equal(columnText({ float: 1.5, bits: 64 }, 'polars-2.0'), '1.5');
    assert.equal(columnText(true, 'sha256-spark'), 'true');
  });
});
