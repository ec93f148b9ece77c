import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { OnlineRow, OnlineStore, OnlineTable, TableLoad } from '../../stores/online-store.ts';
import { writeBlockFromRows } from '../../stores/write-block-rows.ts';
import { readPlain } from '../fixture.ts';
import type { Section } from '../kit.ts';
import { rejectsWith } from '../rejections.ts';
import { driver, int64, plainRow, rowOf, SOME_TIME, text } from '../rows.ts';
import { assertSameRows } from '../same-rows.ts';
import { DRIVERS, ORDERS } from '../tables.ts';

/** `beginLoad`: rows that readers see all at once, or never. */
export const testAtomicLoads: Section = ({ it, on }) => {
  const begin = async (table: OnlineTable, store: OnlineStore = on().store): Promise<TableLoad> => {
    assert.ok(store.beginLoad, 'There is no beginLoad.');
    return store.beginLoad(table);
  };
  const add = (load: TableLoad, table: OnlineTable, rows: readonly OnlineRow[]): Promise<void> => {
    return load.write(writeBlockFromRows(table, ['trips', 'city'], rows));
  };
  const rowsOf = (ids: readonly number[], version: number): OnlineRow[] => {
    return ids.map((id) => {
      return rowOf(driver(id), { trips: int64(version), city: text(`${id}.${version}`) }, SOME_TIME + version * 60);
    });
  };
  const ids = [1, 2, 3, 4, 5, 6];
  const keys = ids.map(driver);
  const absent = ids.map(() => undefined);

  it('shows nothing before the commit, and everything after it', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const other = (await on().another()).store;
    await on().write(drivers, rowsOf([1, 2], 1));
    const before = [...rowsOf([1, 2], 1).map(plainRow), ...absent.slice(2)];
    const load = await begin(drivers);
    for (const part of [
      [1, 3, 4],
      [5, 6],
    ]) {
      await add(load, drivers, rowsOf(part, 2));
      assert.deepEqual(await on().read(drivers, keys), before);
      assert.deepEqual(await readPlain(other, drivers, keys), before);
    }
    await load.commit();
    const after = [...rowsOf([1], 2), ...rowsOf([2], 1), ...rowsOf([3, 4, 5, 6], 2)].map(plainRow);
    assert.deepEqual(await on().read(drivers, keys), after);
    assert.deepEqual(await readPlain(other, drivers, keys), after);
  });

  it('shows readers all rows of a load or none, while it is committed', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const many = Array.from({ length: 200 }, (_, id) => id);
    await on().write(drivers, rowsOf(many, 0));
    const load = await begin(drivers);
    await add(load, drivers, rowsOf(many.slice(0, 100), 1));
    await add(load, drivers, rowsOf(many.slice(100), 1));
    const reader = (await on().another()).store;
    let isDone = false;
    const commit = load.commit().finally(() => {
      isDone = true;
    });
    const ends = many.filter((id) => id % 20 === 0 || id === 199).map(driver);
    try {
      do {
        await nextTurn();
        const times = (await readPlain(reader, drivers, ends)).map((row) => row?.time);
        assert.equal(new Set(times).size, 1, `rows of both times: ${times.join(', ')}`);
      } while (!isDone);
    } finally {
      await commit;
    }
    assertSameRows(await on().read(drivers, many.map(driver)), rowsOf(many, 1).map(plainRow));
  });

  it('keeps the newest row, of the load and of what is stored', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await on().write(drivers, [...rowsOf([1], 9), ...rowsOf([2], 1)]);
    const load = await begin(drivers);
    await add(load, drivers, rowsOf([1, 2, 3], 5));
    await add(load, drivers, rowsOf([3, 2], 4));
    await add(load, drivers, rowsOf([2], 6));
    await load.commit();
    const expected = [...rowsOf([1], 9), ...rowsOf([2], 6), ...rowsOf([3], 5)];
    assert.deepEqual(await on().read(drivers, [1, 2, 3].map(driver)), expected.map(plainRow));
  });

  it('lets others write meanwhile: what is newer stays, what is older goes', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const load = await begin(drivers);
    await add(load, drivers, rowsOf([1, 2, 3], 5));
    const meanwhile = [...rowsOf([1], 9), ...rowsOf([2], 1), ...rowsOf([4], 1)];
    await on().write(drivers, meanwhile);
    assert.deepEqual(await on().read(drivers, [1, 2, 4].map(driver)), meanwhile.map(plainRow));
    await load.commit();
    const expected = [...rowsOf([1], 9), ...rowsOf([2, 3], 5), ...rowsOf([4], 1)];
    assert.deepEqual(await on().read(drivers, [1, 2, 3, 4].map(driver)), expected.map(plainRow));
  });

  it('keeps the features that its rows do not bring, as a write would', async () => {
    const [drivers, alike] = await on().applied(DRIVERS, { ...DRIVERS, name: 'driver_rows' });
    const older = rowsOf([1], 1);
    const newer = rowOf(driver(1), { trips: int64(7) }, SOME_TIME + 3600);
    await on().write(drivers, older);
    await on().write(alike, older);
    const load = await begin(drivers);
    await load.write(writeBlockFromRows(drivers, ['trips'], [newer]));
    await load.commit();
    await on().write(alike, [newer]);
    const [row] = await on().read(drivers, [driver(1)]);
    const [expected] = await on().read(alike, [driver(1)]);
    assert.deepEqual(row?.values, expected?.values);
  });

  it('drops what was aborted, however often, and nothing that was committed', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await on().write(drivers, rowsOf([1], 1));
    const dropped = await begin(drivers);
    await add(dropped, drivers, rowsOf([1, 2], 5));
    await dropped.abort();
    await dropped.abort();
    const before = [...rowsOf([1], 1).map(plainRow), ...absent.slice(1)];
    assert.deepEqual(await on().read(drivers, keys), before);
    await (await begin(drivers)).abort();
    const load = await begin(drivers);
    await add(load, drivers, rowsOf(ids, 6));
    await load.commit();
    await load.abort();
    assert.deepEqual(await on().read(drivers, keys), rowsOf(ids, 6).map(plainRow));
  });

  it('commits a load without rows', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await on().write(drivers, rowsOf([1], 1));
    const load = await begin(drivers);
    await load.write(writeBlockFromRows(drivers, ['trips', 'city'], []));
    await load.commit();
    assert.deepEqual(await on().read(drivers, [driver(1)]), rowsOf([1], 1).map(plainRow));
  });

  it('shows nothing of a load that failed, nor of one that nobody ended', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const failed = await begin(drivers);
    await add(failed, drivers, rowsOf([1, 2], 5));
    const late = { deadline: Date.now() - 1 };
    const block = writeBlockFromRows(drivers, ['trips', 'city'], rowsOf([3], 5));
    await rejectsWith('STORE_TIMEOUT', () => failed.write(block, late));
    await failed.abort();
    const { store } = await on().another();
    await add(await begin(drivers, store), drivers, rowsOf([4, 5], 5));
    await store.close();
    assert.deepEqual(await on().read(drivers, keys), absent);
  });

  it('goes on with several loads at a time, of one view and of several', async () => {
    const [drivers, orders] = await on().applied(DRIVERS, ORDERS);
    const first = await begin(drivers);
    await add(first, drivers, rowsOf([1, 2], 5));
    const second = await begin(drivers, (await on().another()).store);
    await add(second, drivers, rowsOf([2, 3], 7));
    const third = await begin(orders);
    const order = rowOf(driver(1), { trips: int64(9) });
    await third.write(writeBlockFromRows(orders, ['trips'], [order]));
    await second.commit();
    await third.commit();
    await first.commit();
    const expected = [...rowsOf([1], 5), ...rowsOf([2, 3], 7)].map(plainRow);
    assert.deepEqual(await on().read(drivers, [1, 2, 3].map(driver)), expected);
    assert.deepEqual(await on().read(orders, [driver(1)]), [plainRow(order)]);
  });

  it('begins nothing for a caller who has left, nor in a store that was closed', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const { store } = on();
    await rejectsWith('STORE_TIMEOUT', async () => store.beginLoad?.(drivers, { deadline: Date.now() - 1 }));
    await store.close();
    await rejectsWith('STORE_CLOSED', () => begin(drivers));
  });
};
