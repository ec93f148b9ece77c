import assert from 'node:assert/strict';
import type { Section } from '../kit.ts';
import { double, driver, int64, keyOf, plainRow, rowOf, text } from '../rows.ts';
import { assertSameRows } from '../same-rows.ts';
import { DRIVERS, PAIRS } from '../tables.ts';

/** One entry per key, in the order of the keys. */
export const testOrdering: Section = ({ it, on }) => {
  it('answers in the order of the keys, with nothing where there is no row', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const rows = [1, 2, 3].map((id) => rowOf(driver(id), { trips: int64(id) }, 1_768_032_000 + id));
    await on().write(drivers, rows);
    const [one, two, three] = rows.map(plainRow);
    const read = (ids: readonly number[]) => on().read(drivers, ids.map(driver), ['trips']);
    assert.deepEqual(await read([3, 99, 1, 2]), [three, undefined, one, two]);
    assert.deepEqual(await read([99, 2, 98]), [undefined, two, undefined]);
    assert.deepEqual(await read([1, 2, 3]), [one, two, three]);
    assert.deepEqual(await read([3, 2, 1]), [three, two, one]);
  });

  it('answers a key as often as it is asked for', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const rows = [1, 2].map((id) => rowOf(driver(id), { trips: int64(id) }));
    await on().write(drivers, rows);
    const [one, two] = rows.map(plainRow);
    const read = await on().read(drivers, [1, 2, 9, 1, 1, 9, 2].map(driver), ['trips']);
    assert.deepEqual(read, [one, two, undefined, one, one, undefined, two]);
  });

  it('gives each value to the feature that it belongs to, in whatever order they are asked for', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const row = rowOf(driver(1), { rate: double(1), trips: int64(2), city: text('a') });
    await on().write(drivers, [row]);
    for (const names of [
      ['rate', 'trips', 'city'],
      ['city', 'trips', 'rate'],
      ['trips', 'city', 'rate'],
    ]) {
      assert.deepEqual(await on().read(drivers, [driver(1)], names), [plainRow(row)]);
    }
  });

  it('finds a key of several parts whatever the order of its parts', async () => {
    const [pairs] = await on().applied(PAIRS);
    const row = rowOf(keyOf({ user: text('a'), shop: int64(1) }), { amount: double(5) });
    await on().write(pairs, [row]);
    const read = await on().read(pairs, [
      keyOf({ shop: int64(1), user: text('a') }),
      keyOf({ shop: int64(2), user: text('a') }),
      keyOf({ user: text('a'), shop: int64(1) }),
    ]);
    assert.deepEqual(read, [plainRow(row), undefined, plainRow(row)]);
  });

  it('keeps hundreds of rows in order, written in another', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const rows = Array.from({ length: 331 }, (_, id) => rowOf(driver(id), { trips: int64(id), city: text(`c${id}`) }));
    await on().write(drivers, rows.toReversed());
    // 331 is a prime: every step goes through all rows, and every third one asked for is not there.
    const ids = Array.from({ length: 331 }, (_, at) => (at % 3 === 2 ? 1000 + at : (at * 100) % 331));
    const expected = ids.map((id) => rows[id]).map((row) => row && plainRow(row));
    assertSameRows(await on().read(drivers, ids.map(driver)), expected);
  });
};
