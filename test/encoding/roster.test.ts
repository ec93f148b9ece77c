import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Roster, type RosterMember } from '../../src/encoding/roster.ts';
import { oldSpaceGrowth } from '../support/old-space.ts';

const member = (id: number) => ({ id, place: -1 });

describe('a roster', () => {
  it('holds what a set would hold, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(9)), { maxLength: 60 }), (steps) => {
        const all = Array.from({ length: 10 }, (_, id) => member(id));
        const roster = new Roster<RosterMember & { readonly id: number }>();
        const set = new Set<number>();
        for (const [comes, id] of steps) {
          const one = all[id];
          assert.ok(one !== undefined);
          if (comes) {
            roster.add(one);
            set.add(id);
          } else {
            roster.delete(one);
            set.delete(id);
          }
          assert.equal(roster.size, set.size);
          assert.deepEqual([...roster].map((each) => each.id).sort(), [...set].sort());
          assert.equal(roster.find((each) => each.id === id)?.id, set.has(id) ? id : undefined);
        }
      }),
    );
  });

  it('goes through those that were in when it began', () => {
    const roster = new Roster<RosterMember & { readonly id: number }>();
    for (let id = 0; id < 5; id++) roster.add(member(id));
    const seen: number[] = [];
    for (const each of roster) {
      roster.delete(each);
      seen.push(each.id);
    }
    assert.deepEqual([seen, roster.size], [[0, 1, 2, 3, 4], 0]);
  });

  it('lets what has left be collected with young objects, also behind a full collection', async () => {
    const grown = await oldSpaceGrowth(new URL('./roster-with-load.ts', import.meta.url));
    // A Set makes more than ten times as much of it.
    assert.ok(grown < 3_000_000, `${grown} bytes more in the old space`);
  });
});
