import assert from 'node:assert/strict';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { LinkShare } from './link-share.ts';

describe('LinkShare', () => {
  it('takes one of every ten links for a tenth, and not always the same of the ten', () => {
    const share = new LinkShare(0.1, createSeededRandom(7));
    const places = Array.from({ length: 20 }, () => {
      const taken = Array.from({ length: 10 }, () => share.takesNext());
      assert.equal(taken.filter((is) => is).length, 1);
      return taken.indexOf(true);
    });
    assert.ok(new Set(places).size > 3, `${places}`);
  });

  it('takes all links for 1 and one of two for a half', () => {
    const all = new LinkShare(1, createSeededRandom(1));
    const half = new LinkShare(0.5, createSeededRandom(1));
    for (let pair = 0; pair < 20; pair++) {
      assert.deepEqual([all.takesNext(), all.takesNext()], [true, true]);
      assert.notEqual(half.takesNext(), half.takesNext());
    }
  });
});
