import assert from 'node:assert/strict';
import type { Section } from '../kit.ts';
import { double, driver, int64, plainRow, rowOf, SOME_TIME } from '../rows.ts';
import { DRIVERS, ORDERS } from '../tables.ts';

/** Writing an entity again: which row wins, and what is left of the other. */
export const testRewriting: Section = ({ it, on, capabilities, storage }) => {
  const older = rowOf(driver(1), { trips: int64(2) }, SOME_TIME);
  const newer = rowOf(driver(1), { trips: int64(1) }, SOME_TIME + 60);

  it('replaces an older row by a newer one', async () => {
    const [drivers] = await on().applied(DRIVERS);
    for (const row of [older, newer]) {
      await on().write(drivers, [row]);
      assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(row)]);
    }
  });

  if (storage.rewrite === 'merge') {
    it('keeps the features that a newer row does not bring', async () => {
      const [drivers] = await on().applied(DRIVERS);
      await on().write(drivers, [rowOf(driver(1), { rate: double(1), trips: int64(9) }, SOME_TIME)]);
      await on().write(drivers, [newer]);
      const [row] = await on().read(drivers, [driver(1)]);
      assert.deepEqual(row?.values, plainRow(rowOf(driver(1), { rate: double(1), trips: int64(1) })).values);
    });
  } else {
    it('forgets the features that a newer row does not bring', async () => {
      const [drivers] = await on().applied(DRIVERS);
      await on().write(drivers, [rowOf(driver(1), { rate: double(1), trips: int64(9) }, SOME_TIME)]);
      await on().write(drivers, [newer]);
      assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(newer)]);
    });
  }

  if (capabilities.keepsNewest) {
    it('keeps the newest row, whatever comes after it', async () => {
      const [drivers] = await on().applied(DRIVERS);
      await on().write(drivers, [newer]);
      await on().write(drivers, [older]);
      assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(newer)]);
    });
  } else {
    it('takes the row that comes last, an older one too', async () => {
      const [drivers] = await on().applied(DRIVERS);
      await on().write(drivers, [newer]);
      await on().write(drivers, [older]);
      assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(older)]);
    });
  }

  it('judges rows of one batch as it would judge several batches', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const middle = rowOf(driver(1), { trips: int64(7) }, SOME_TIME + 30);
    await on().write(drivers, [older, newer, middle]);
    const expected = capabilities.keepsNewest ? newer : middle;
    assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(expected)]);
  });

  it('judges the rows of each entity by themselves', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const other = rowOf(driver(2), { trips: int64(3) }, SOME_TIME - 600);
    await on().write(drivers, [newer]);
    await on().write(drivers, [other]);
    assert.deepEqual(await on().read(drivers, [driver(1), driver(2)]), [plainRow(newer), plainRow(other)]);
  });

  it('judges the rows of each view by themselves', async () => {
    const [drivers, orders] = await on().applied(DRIVERS, ORDERS);
    await on().write(drivers, [newer]);
    await on().write(orders, [older]);
    assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(newer)]);
    assert.deepEqual(await on().read(orders, [driver(1)]), [plainRow(older)]);
  });

  it('may be given the same rows twice', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const rows = [1, 2].map((id) => rowOf(driver(id), { trips: int64(id) }));
    await on().write(drivers, [...rows, ...rows]);
    await on().write(drivers, rows);
    assert.deepEqual(await on().read(drivers, [driver(1), driver(2)]), rows.map(plainRow));
  });
};
