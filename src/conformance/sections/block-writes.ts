import assert from 'node:assert/strict';
import type { OnlineRow, OnlineTable, WriteOptions } from '../../stores/online-store.ts';
import { WriteBlock } from '../../stores/write-block.ts';
import { writeBlockFromRows } from '../../stores/write-block-rows.ts';
import type { Section } from '../kit.ts';
import { rejectsWith } from '../rejections.ts';
import { double, driver, int64, nothing, plainRow, rowOf, SOME_TIME, text } from '../rows.ts';
import { assertSameRows } from '../same-rows.ts';
import { DRIVERS } from '../tables.ts';

/** `writeBlock`: as `onlineWriteBatch`, of rows that stand in a block. */
export const testBlockWrites: Section = ({ it, on, slow, storage, capabilities }) => {
  const writeBlock = async (table: OnlineTable, block: WriteBlock, options?: WriteOptions): Promise<void> => {
    const { store } = on();
    assert.ok(store.writeBlock, 'There is no writeBlock.');
    await store.writeBlock(table, block, options);
  };
  const write = (table: OnlineTable, features: readonly string[], rows: readonly OnlineRow[], options?: WriteOptions) =>
    writeBlock(table, writeBlockFromRows(table, features, rows), options);

  it('stores what writing the rows would have stored', async () => {
    const [drivers, alike] = await on().applied(DRIVERS, { ...DRIVERS, name: 'driver_rows' });
    const absent = storage.nulls ? nothing : text('');
    const rows = [
      rowOf(driver(1), { rate: double(0.5), trips: int64(1), city: text('Zürich') }),
      rowOf(driver(2), { rate: storage.nulls ? nothing : double(0), trips: int64(-1), city: absent }, SOME_TIME + 1),
      rowOf(driver(3), { rate: double(-0), trips: int64(0), city: text('x'.repeat(300)) }, SOME_TIME + 2),
    ].map((row, at) => ({ ...row, createdTimestamp: { seconds: SOME_TIME + 86_400 + at, nanos: 5000 } }));
    const block = rows.map((row, at) => (at === 0 ? withoutCreated(row) : row));
    await write(drivers, ['rate', 'trips', 'city'], block);
    await on().write(alike, block);
    const keys = rows.map((row) => row.entityKey);
    assert.deepEqual(await on().read(drivers, keys), rows.map(plainRow));
    assert.deepEqual(await on().read(drivers, keys), await on().read(alike, keys));
  });

  it('takes features in any order, and a block that is not full', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const row = rowOf(driver(1), { city: text('a'), rate: double(1), trips: int64(2) });
    const part = writeBlockFromRows(drivers, ['city', 'rate', 'trips'], [row]);
    const roomy = new WriteBlock(part.features, 5);
    roomy.out.raw(part.bytes);
    roomy.ends.set(part.ends);
    roomy.times.set(part.times);
    roomy.rows = part.rows;
    await writeBlock(drivers, roomy);
    assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(row)]);
  });

  const rewrites = storage.rewrite === 'merge' ? 'keeps' : 'forgets';
  it(`${rewrites} the features that a block does not name`, async () => {
    const [drivers] = await on().applied(DRIVERS);
    await on().write(drivers, [rowOf(driver(1), { rate: double(1), trips: int64(1), city: text('a') })]);
    await write(drivers, ['trips'], [rowOf(driver(1), { trips: int64(2) }, SOME_TIME + 60)]);
    const kept = storage.rewrite === 'merge' ? { rate: double(1), city: text('a') } : {};
    const [row] = await on().read(drivers, [driver(1)]);
    assert.deepEqual(row?.values, plainRow(rowOf(driver(1), { ...kept, trips: int64(2) })).values);
  });

  it('does nothing for a block without rows', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await writeBlock(drivers, new WriteBlock(['trips'], 10));
    await writeBlock(drivers, new WriteBlock(['trips'], 0));
    assert.deepEqual(await on().read(drivers, [driver(1)]), [undefined]);
  });

  it('keeps nothing of a block that is filled again', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const rows = [1, 2, 3].map((id) => rowOf(driver(id), { trips: int64(id), city: text(`city ${id}`) }));
    const block = writeBlockFromRows(drivers, ['trips', 'city'], rows);
    await writeBlock(drivers, block);
    block.bytes.fill(0xff);
    block.clear();
    const keys = rows.map((row) => row.entityKey);
    assert.deepEqual(await on().read(drivers, keys), rows.map(plainRow));
  });

  slow('writes a large block, and all of it', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const rows = Array.from({ length: 3000 }, (_, id) => {
      const city = id % 1000 === 7 ? 'x'.repeat(Math.min(20_000, storage.maxValueBytes - 8)) : `city ${id}`;
      return rowOf(driver(id), { rate: double(id / 7), trips: int64(id), city: text(city) }, SOME_TIME + (id % 50));
    });
    await write(drivers, ['rate', 'trips', 'city'], rows);
    const keys = rows.map((row) => row.entityKey);
    assertSameRows(await on().read(drivers, keys), rows.map(plainRow));
  });

  const older = rowOf(driver(1), { trips: int64(1) }, SOME_TIME);
  const newer = rowOf(driver(1), { trips: int64(2) }, SOME_TIME + 60);

  it('lets the rows of a block win as rows do', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await write(drivers, ['trips'], [newer]);
    await write(drivers, ['trips'], [older]);
    const expected = capabilities.keepsNewest ? newer : older;
    assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(expected)]);
  });

  if (capabilities.newestOnly === true) {
    it('leaves out of a block what is older than the stored row', async () => {
      const [drivers] = await on().applied(DRIVERS);
      await on().write(drivers, [newer]);
      const other = rowOf(driver(2), { trips: int64(3) }, SOME_TIME - 60);
      await write(drivers, ['trips'], [older, other], { newestOnly: true });
      assert.deepEqual(await on().read(drivers, [driver(1), driver(2)]), [newer, other].map(plainRow));
    });
  }

  it('writes nothing for a caller who has left, or once it is closed', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await rejectsWith('STORE_TIMEOUT', () => write(drivers, ['trips'], [newer], { deadline: Date.now() - 1 }));
    const signal = AbortSignal.abort();
    await rejectsWith('STORE_TIMEOUT', () => write(drivers, ['trips'], [newer], { signal, cancelled: true }));
    assert.deepEqual(await on().read(drivers, [driver(1)]), [undefined]);
    await on().store.close();
    await rejectsWith('STORE_CLOSED', () => write(drivers, ['trips'], [newer]));
  });
};

function withoutCreated({ createdTimestamp: _created, ...row }: OnlineRow): OnlineRow {
  return row;
}
