import assert from 'node:assert/strict';
import { RowBlock } from '../../src/stores/row-block.ts';
import { GatheredValues } from '../../src/stores/sql/gathered-values.ts';

const FEATURES = ['a', 'b'];

function placed(names: string, lengths: string, bytes: string): readonly (string | undefined)[] | undefined {
  const block = new RowBlock(1, FEATURES.length);
  const values = new GatheredValues(FEATURES, '\0');
  if (!values.place(block, 0, names, lengths, Buffer.from(bytes))) return undefined;
  return FEATURES.map((_, feature) => block.valueAt(0, feature)?.toString());
}

describe('values that a database has gathered into one row', () => {
  it('stand behind one another, in the order of their names', () => {
    assert.deepEqual(placed('b\0a', '2,1', 'xxy'), ['y', 'xx']);
    assert.deepEqual(placed('b', '0', ''), [undefined, '']);
    assert.deepEqual(placed('other\0a', '3,1', 'ooox'), ['x', undefined]);
  });

  it('are not placed where names, lengths and bytes do not agree', () => {
    for (const [names, lengths, bytes] of [
      ['a\0b', '2', 'xx'],
      ['a', '1,1', 'xx'],
      ['a', '3', 'xx'],
      ['a', '1', 'xx'],
      ['a\0b', '4294967296,2', 'xx'],
      ['a\0b', '-1,3', 'xx'],
      ['a', '2x', 'xx'],
    ] as const) {
      assert.equal(placed(names, lengths, bytes), undefined, `${names} ${lengths}`);
    }
  });

  // The database strings nothing together of nothing: without a look at it, the value would pass for a stored null.
  it('are not placed where the only value is NULL', () => {
    assert.equal(placed('a', '', ''), undefined);
  });
});
