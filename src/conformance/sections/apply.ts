import assert from 'node:assert/strict';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { changeOf } from '../fixture.ts';
import type { Section } from '../kit.ts';
import { assertStoreError } from '../rejections.ts';
import { double, driver, int64, plainRow, rowOf } from '../rows.ts';
import { DRIVERS, ORDERS, tableShape } from '../tables.ts';

/** `update`: making the store fit the registry. */
export const testApply: Section = ({ it, on }) => {
  it('makes a view ready to be read: it has no rows', async () => {
    const [drivers] = await on().applied(DRIVERS);
    assert.deepEqual(await on().read(drivers, [driver(1), driver(2)]), [undefined, undefined]);
  });

  it('does nothing when there is nothing to do', async () => {
    await on().writer.update(changeOf({}));
    await on().writer.update(changeOf({ partial: false }));
  });

  it('keeps rows when the same views are applied again, alone or with others', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const row = rowOf(driver(1), { trips: int64(1) });
    await on().write(drivers, [row]);
    await on().applied(DRIVERS);
    await on().applied(ORDERS, DRIVERS);
    assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(row)]);
  });

  it('takes a view that has gained a feature and lost another: what is stored stays', async () => {
    const [before] = await on().applied(tableShape('evolving', ['driver_id'], { a: INT64, b: INT64 }));
    await on().write(before, [rowOf(driver(1), { a: int64(1), b: int64(2) })]);
    const [after] = await on().applied(tableShape('evolving', ['driver_id'], { a: INT64, c: INT64 }));
    assert.deepEqual(await on().read(after, [driver(1)], ['a', 'c']), [plainRow(rowOf(driver(1), { a: int64(1) }))]);
    const row = rowOf(driver(2), { a: int64(3), c: int64(4) });
    await on().write(after, [row]);
    assert.deepEqual(await on().read(after, [driver(2)]), [plainRow(row)]);
  });

  it('removes the rows of a view that went away and of no other, as often as it is told to', async () => {
    const [drivers, orders] = await on().applied(DRIVERS, ORDERS);
    const kept = rowOf(driver(1), { trips: int64(2) });
    await on().write(drivers, [rowOf(driver(1), { trips: int64(1) }), rowOf(driver(2), { rate: double(1) })]);
    await on().write(orders, [kept]);
    for (let time = 0; time < 2; time++) {
      await on().writer.update(changeOf({ tablesToKeep: [orders], tablesToDelete: [drivers], partial: false }));
    }
    await on().apply([drivers]);
    assert.deepEqual(await on().read(drivers, [driver(1), driver(2)]), [undefined, undefined]);
    assert.deepEqual(await on().read(orders, [driver(1)]), [plainRow(kept)]);
  });

  it('never gives rows of a view that was not applied: an error or none', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await on().write(drivers, [rowOf(driver(1), { trips: int64(1) })]);
    const never = on().table(ORDERS);
    try {
      assert.deepEqual(await on().read(never, [driver(1)]), [undefined]);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      assertStoreError(error, ['STORE_TABLE_MISSING']);
    }
  });

  it('removes a view that was never there', async () => {
    await on().writer.update(changeOf({ tablesToDelete: [on().table(ORDERS)] }));
  });
};

const { INT64 } = ValueType_Enum;
