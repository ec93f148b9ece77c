import assert from 'node:assert/strict';
import type { Section } from '../kit.ts';
import { bytesOf, double, driver, hex, int64, nothing, plainRow, rowOf, SOME_TIME, text } from '../rows.ts';
import { DRIVERS } from '../tables.ts';

/** Rows that are missing, features that are missing, nulls, and values that are none of these. */
export const testMissingValues: Section = ({ it, on, storage }) => {
  if (storage.nulls) {
    it('tells a stored null from a feature that is not stored', async () => {
      const [drivers] = await on().applied(DRIVERS);
      await on().write(drivers, [rowOf(driver(1), { rate: nothing, trips: int64(2) })]);
      const [row] = await on().read(drivers, [driver(1)]);
      assert.deepEqual(row?.values, { rate: '', trips: hex(bytesOf(int64(2))) });
    });

    it('replaces a value by a null, and a null by a value', async () => {
      const [drivers] = await on().applied(DRIVERS);
      for (const [at, value] of [int64(1), nothing, int64(2)].entries()) {
        const row = rowOf(driver(1), { trips: value }, SOME_TIME + at * 60);
        await on().write(drivers, [row]);
        assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(row)]);
      }
    });
  } else {
    it('gives a null as a feature without a value, never as a value', async () => {
      const [drivers] = await on().applied(DRIVERS);
      await on().write(drivers, [rowOf(driver(1), { rate: nothing, trips: int64(2) })]);
      const [row] = await on().read(drivers, [driver(1)]);
      assert.equal(row?.values.rate ?? '', '');
      assert.equal(row?.values.trips, hex(bytesOf(int64(2))));
    });
  }

  it('gives no row for an entity that was never written, beside others that were', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const row = rowOf(driver(1), { trips: int64(1) });
    await on().write(drivers, [row]);
    assert.deepEqual(await on().read(drivers, [0, 1, -1, 2].map(driver)), [
      undefined,
      plainRow(row),
      undefined,
      undefined,
    ]);
  });

  it('gives each row the features that it has, and no other row’s', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const rows = [
      rowOf(driver(1), { rate: double(1), trips: int64(1), city: text('a') }),
      rowOf(driver(2), { trips: int64(2) }),
      rowOf(driver(3), { rate: double(3), city: text('c') }),
    ];
    await on().write(drivers, rows);
    assert.deepEqual(await on().read(drivers, [1, 2, 3].map(driver)), rows.map(plainRow));
  });

  it('takes zero, false and empty text for the values that they are', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const row = rowOf(driver(0), { rate: double(0), trips: int64(0), city: text('') });
    await on().write(drivers, [row]);
    assert.deepEqual(await on().read(drivers, [driver(0)]), [plainRow(row)]);
  });

  if (storage.bareRows) {
    it('knows a row that holds none of the features asked for, and its time', async () => {
      const [drivers] = await on().applied(DRIVERS);
      await on().write(drivers, [rowOf(driver(1), { trips: int64(2) })]);
      const bare = plainRow(rowOf(driver(1), {}));
      assert.deepEqual(await on().read(drivers, [driver(1), driver(2)], ['city']), [bare, undefined]);
    });
  } else {
    it('takes a row that holds none of the features asked for to be missing, or gives it without values', async () => {
      const [drivers] = await on().applied(DRIVERS);
      await on().write(drivers, [rowOf(driver(1), { trips: int64(2) })]);
      const [row] = await on().read(drivers, [driver(1)], ['city']);
      assert.deepEqual(row?.values ?? {}, {});
    });
  }
};
