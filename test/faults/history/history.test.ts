import assert from 'node:assert/strict';
import { anomaliesOf, type ReadStep, type WriteStep } from './history.ts';

const write = (version: number, beganMs: number, ackedMs?: number): WriteStep => ({
  entity: 7,
  view: 'left',
  version,
  beganMs,
  ...(ackedMs === undefined ? {} : { ackedMs }),
});

const read = (version: number, beganMs: number, endedMs: number, reader = 1): ReadStep => ({
  reader,
  beganMs,
  endedMs,
  entities: [7],
  versions: { left: [version] },
});

const counts = (writes: readonly WriteStep[], reads: readonly ReadStep[]): number[] => {
  const { older, unwritten, backwards } = anomaliesOf({ writes, reads });
  return [older.length, unwritten.length, backwards.length];
};

describe('the checker of histories', () => {
  it('accepts either version while a write is under way', () => {
    assert.deepEqual(
      counts([write(2, 10, 20)], [read(1, 12, 15, 1), read(2, 12, 15, 2), read(1, 19, 30, 3)]),
      [0, 0, 0],
    );
  });

  it('finds what is older than what was acknowledged before the read', () => {
    assert.deepEqual(counts([write(2, 10, 20)], [read(1, 21, 25)]), [1, 0, 0]);
  });

  it('lets a write that failed be stored or not', () => {
    assert.deepEqual(counts([write(2, 10)], [read(1, 30, 35, 1), read(2, 30, 35, 2)]), [0, 0, 0]);
  });

  it('finds what nobody had begun to write', () => {
    assert.deepEqual(counts([write(2, 10, 20)], [read(2, 1, 5)]), [0, 1, 0]);
  });

  it('finds a reader that goes back, though no write was acknowledged', () => {
    assert.deepEqual(counts([write(2, 10)], [read(2, 12, 14), read(1, 15, 17)]), [0, 0, 1]);
  });
});
