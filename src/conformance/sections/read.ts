import assert from 'node:assert/strict';
import type { Section } from '../kit.ts';
import { double, driver, int64, keyOf, plainRow, rowOf, text } from '../rows.ts';
import { DRIVERS, ORDERS, TOTALS } from '../tables.ts';

/** `onlineRead`: which rows and which features. */
export const testRead: Section = ({ it, on }) => {
  it('gives all features of the view when none is named', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const row = rowOf(driver(1), { rate: double(1), trips: int64(2), city: text('a') });
    await on().write(drivers, [row]);
    assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(row)]);
  });

  it('gives only the features that are named', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await on().write(drivers, [rowOf(driver(1), { rate: double(1), trips: int64(2), city: text('a') })]);
    for (const [names, values] of [
      [['city', 'rate'], { city: text('a'), rate: double(1) }],
      [['trips'], { trips: int64(2) }],
    ] as const) {
      assert.deepEqual(await on().read(drivers, [driver(1)], names), [plainRow(rowOf(driver(1), values))]);
    }
  });

  it('gives nothing for a feature that the view does not have', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await on().write(drivers, [rowOf(driver(1), { trips: int64(2) })]);
    const [row] = await on().read(drivers, [driver(1)], ['nowhere', 'trips']);
    assert.deepEqual(row, plainRow(rowOf(driver(1), { trips: int64(2) })));
  });

  it('answers no keys with no rows', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await on().write(drivers, [rowOf(driver(1), { trips: int64(2) })]);
    assert.deepEqual(await on().read(drivers, []), []);
  });

  it('serves a view without entities', async () => {
    const [totals] = await on().applied(TOTALS);
    const row = rowOf(keyOf({ __dummy_id: text('') }), { total: int64(7) });
    await on().write(totals, [row]);
    assert.deepEqual(await on().read(totals, [row.entityKey]), [plainRow(row)]);
  });

  it('keeps views on the same keys apart', async () => {
    const [drivers, orders] = await on().applied(DRIVERS, ORDERS);
    const ofDriver = rowOf(driver(1), { trips: int64(1) }, 1_768_032_000);
    const ofOrders = rowOf(driver(1), { trips: int64(2) }, 1_768_032_060);
    await on().write(drivers, [ofDriver]);
    assert.deepEqual(await on().read(orders, [driver(1)]), [undefined]);
    await on().write(orders, [ofOrders]);
    assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(ofDriver)]);
    assert.deepEqual(await on().read(orders, [driver(1)]), [plainRow(ofOrders)]);
  });

  it('gives the same answer twice', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const row = rowOf(driver(1), { rate: double(1), city: text('a') });
    await on().write(drivers, [row]);
    for (let time = 0; time < 2; time++) {
      assert.deepEqual(await on().read(drivers, [driver(1), driver(2)]), [plainRow(row), undefined]);
    }
  });

  it('gives rows that the caller may change', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const row = rowOf(driver(1), { city: text('abc') });
    await on().write(drivers, [row]);
    const [first] = await on().store.onlineRead(drivers, [driver(1)]);
    first?.values.get('city')?.fill(0);
    assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(row)]);
  });
};
