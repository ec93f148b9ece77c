import assert from 'node:assert/strict';
import { YamlSource } from '../../src/config/yaml-source.ts';
import { readGoldenLines } from '../support/golden.ts';

interface RecordedScalar {
  readonly plain: string;
  readonly kind: 'null' | 'bool' | 'int' | 'float' | 'date' | 'text';
  readonly value: unknown;
}

const NAMED_FLOATS = new Map<unknown, number>([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
]);

describe('plain scalars', () => {
  for (const { plain, kind, value } of readGoldenLines<RecordedScalar>('config', 'plain_scalars.jsonl')) {
    it(`reads ${plain} as ${kind}, as PyYAML does`, () => {
      const { data } = YamlSource.parse('feature_store.yaml', `k: ${plain}\n`, {});
      const read = (data as { readonly k: unknown }).k;
      if (kind === 'date') assert.ok(read instanceof Date);
      else assert.deepEqual(read, kind === 'float' ? (NAMED_FLOATS.get(value) ?? value) : value);
    });
  }
});
