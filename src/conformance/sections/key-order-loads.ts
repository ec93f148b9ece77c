import assert from 'node:assert/strict';
import { serializeEntityKey } from '../../encoding/entity-key.ts';
import type { OnlineRow, OnlineTable, TableLoad } from '../../stores/online-store.ts';
import { writeBlockFromRows } from '../../stores/write-block-rows.ts';
import { readPlain } from '../fixture.ts';
import type { Section } from '../kit.ts';
import { driver, int64, plainRow, rowOf, SOME_TIME, text } from '../rows.ts';
import { DRIVERS } from '../tables.ts';

/** `beginLoad` with the option `inKeyOrder`: nothing else is different. */
export const testKeyOrderLoads: Section = ({ it, on }) => {
  const begin = async (table: OnlineTable): Promise<TableLoad> => {
    const load = await on().store.beginLoad?.(table, { inKeyOrder: true });
    assert.ok(load, 'There is no beginLoad.');
    return load;
  };
  const rowsOf = (ids: readonly number[], version: number): OnlineRow[] =>
    ids.map((id) => rowOf(driver(id), { trips: int64(version), city: text(`${id}`) }, SOME_TIME + version * 60));
  const add = (load: TableLoad, table: OnlineTable, rows: readonly OnlineRow[]): Promise<void> =>
    load.write(writeBlockFromRows(table, ['trips', 'city'], rows));
  const inOrder = (ids: readonly number[]): number[] =>
    ids.toSorted((a, b) => Buffer.compare(serializeEntityKey(driver(a)), serializeEntityKey(driver(b))));
  const ids = inOrder(Array.from({ length: 300 }, (_, id) => id));
  const keys = ids.map(driver);

  it('shows nothing of rows in order before the commit, and everything after it', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const other = (await on().another()).store;
    await on().write(drivers, rowsOf(ids, 1));
    const before = rowsOf(ids, 1).map(plainRow);
    const load = await begin(drivers);
    for (let start = 0; start < ids.length; start += 50) {
      await add(load, drivers, rowsOf(ids.slice(start, start + 50), 2));
      assert.deepEqual(await on().read(drivers, keys), before);
      assert.deepEqual(await readPlain(other, drivers, keys), before);
    }
    await load.commit();
    const after = rowsOf(ids, 2).map(plainRow);
    assert.deepEqual(await on().read(drivers, keys), after);
    assert.deepEqual(await readPlain(other, drivers, keys), after);
  });

  it('stores what comes in another order, or twice, just as well', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await on().write(drivers, rowsOf([1], 9));
    const load = await begin(drivers);
    await add(load, drivers, rowsOf([7, 5, 1], 5));
    await add(load, drivers, rowsOf([3, 7], 4));
    await add(load, drivers, rowsOf([5, 2], 6));
    await load.commit();
    const expected = [...rowsOf([1], 9), ...rowsOf([2], 6), ...rowsOf([3], 4), ...rowsOf([5], 6), ...rowsOf([7], 5)];
    assert.deepEqual(await on().read(drivers, [1, 2, 3, 5, 7].map(driver)), expected.map(plainRow));
  });

  it('drops what was aborted, and lets others write then', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await on().write(drivers, rowsOf(ids, 1));
    const load = await begin(drivers);
    await add(load, drivers, rowsOf(ids.slice(0, 200), 5));
    await load.abort();
    await load.abort();
    assert.deepEqual(await on().read(drivers, keys), rowsOf(ids, 1).map(plainRow));
    await on().write(drivers, rowsOf(ids, 2));
    assert.deepEqual(await on().read(drivers, keys), rowsOf(ids, 2).map(plainRow));
  });

  it('commits a load without rows', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const load = await begin(drivers);
    await load.write(writeBlockFromRows(drivers, ['trips', 'city'], []));
    await load.commit();
    assert.deepEqual(await on().read(drivers, [driver(1)]), [undefined]);
  });
};
