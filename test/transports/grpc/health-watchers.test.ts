import assert from 'node:assert/strict';
import { type HealthWatcher, HealthWatchers } from '../../../src/transports/grpc/health-watchers.ts';

describe('those who watch the health of a server', () => {
  const watcher = (connection: unknown, woken: HealthWatcher[] = []): HealthWatcher => {
    const made: HealthWatcher = { connection, isDisplaced: false, wake: () => woken.push(made) };
    return made;
  };

  it('get places up to a number, which come free again', () => {
    const watchers = new HealthWatchers(2);
    const [first, second, third] = [watcher('a'), watcher('a'), watcher('a')];
    assert.deepEqual(
      [first, second, third].map((each) => watchers.add(each)),
      [true, true, false],
    );
    assert.deepEqual([...watchers.all()], [first, second]);
    watchers.delete(third);
    assert.equal(watchers.add(third), false);
    watchers.delete(first);
    watchers.delete(first);
    assert.equal(watchers.add(third), true);
    assert.deepEqual([...watchers.all()], [second, third]);
  });

  it('share the places: who has most gives up the oldest, until all have as many', () => {
    const watchers = new HealthWatchers(6);
    const woken: HealthWatcher[] = [];
    const many = Array.from({ length: 5 }, () => watcher('a', woken));
    for (const each of [...many, watcher('b', woken)]) assert.ok(watchers.add(each));
    assert.ok(watchers.add(watcher('b')));
    assert.ok(watchers.add(watcher('b')));
    assert.deepEqual(woken, many.slice(0, 2));
    assert.deepEqual(
      many.map(({ isDisplaced }) => isDisplaced),
      [true, true, false, false, false],
    );
    assert.equal(watchers.add(watcher('b')), false);
    assert.equal(watchers.add(watcher('a')), false);
    assert.ok(watchers.add(watcher('c')));
    assert.equal(woken.length, 3);
    assert.equal([...watchers.all()].length, 6);
  });

  it('keep their places where each has one', () => {
    const watchers = new HealthWatchers(3);
    for (const connection of ['a', 'b', 'c']) assert.ok(watchers.add(watcher(connection)));
    assert.equal(watchers.add(watcher('d')), false);
  });
});
