import assert from 'node:assert/strict';
import type { Section } from '../kit.ts';
import { double, driver, int64, keyOf, plainRow, rowOf, text } from '../rows.ts';
import { DRIVERS, ORDERS, PAIRS } from '../tables.ts';

/** `teardown`, and what comes after it. */
export const testTeardown: Section = ({ it, on }) => {
  it('removes everything that it names and nothing else, as often as it is told to', async () => {
    const [drivers, orders, pairs] = await on().applied(DRIVERS, ORDERS, PAIRS);
    const kept = rowOf(keyOf({ user: text('a'), shop: int64(1) }), { amount: double(5) });
    await on().write(drivers, [rowOf(driver(1), { trips: int64(1) })]);
    await on().write(orders, [rowOf(driver(2), { trips: int64(1) })]);
    await on().write(pairs, [kept]);
    for (let time = 0; time < 2; time++) await on().writer.teardown([drivers, orders], []);
    await on().apply([drivers, orders]);
    assert.deepEqual(await on().read(drivers, [driver(1)]), [undefined]);
    assert.deepEqual(await on().read(orders, [driver(2)]), [undefined]);
    assert.deepEqual(await on().read(pairs, [kept.entityKey]), [plainRow(kept)]);
  });

  it('leaves a store that can be applied, written and read again', async () => {
    const [drivers] = await on().applied(DRIVERS);
    for (let round = 0; round < 3; round++) {
      const row = rowOf(driver(1), { trips: int64(round) }, 1_768_032_000 - round);
      await on().write(drivers, [row]);
      assert.deepEqual(await on().read(drivers, [driver(1), driver(2)]), [plainRow(row), undefined]);
      await on().writer.teardown([drivers], [{ name: 'driver', joinKey: 'driver_id', valueType: 4 }]);
      await on().apply([drivers]);
      assert.deepEqual(await on().read(drivers, [driver(1), driver(2)]), [undefined, undefined]);
    }
  });

  it('succeeds where there is nothing: no views, and one that was never applied', async () => {
    await on().writer.teardown([], []);
    await on().writer.teardown([on().table(ORDERS)], []);
  });
};
