import assert from 'node:assert/strict';
import type { EntityKey } from '../../../gen/feast/types/EntityKey_pb.ts';
import type { OnlineTable, TableRead } from '../../stores/online-store.ts';
import { RowBlock } from '../../stores/row-block.ts';
import { serializeKeys } from '../../stores/row-objects.ts';
import type { Section } from '../kit.ts';
import { double, driver, int64, keyOf, nothing, plainBlock, rowOf, text } from '../rows.ts';
import { assertSameRows } from '../same-rows.ts';
import { DRIVERS, ORDERS, TOTALS } from '../tables.ts';

/** `readMany`: several tables in one round trip. */
export const testReadMany: Section = ({ it, slow, on, storage }) => {
  it('reads what onlineRead reads, table by table', async () => {
    const [drivers, orders, totals] = await on().applied(DRIVERS, ORDERS, TOTALS);
    const total = keyOf({ __dummy_id: text('') });
    await on().write(drivers, [
      rowOf(driver(1), { rate: double(1), trips: int64(1) }, 1_768_032_000),
      rowOf(driver(2), storage.nulls ? { rate: nothing, trips: int64(5) } : { trips: int64(5) }, 1_768_032_001),
    ]);
    await on().write(orders, [rowOf(driver(2), { trips: int64(4) }, 1_768_032_002)]);
    await on().write(totals, [rowOf(total, { total: int64(7) })]);
    const keys = [2, 3, 1, 2].map(driver);
    const asked: readonly (readonly [OnlineTable, readonly EntityKey[], readonly string[]])[] = [
      [drivers, keys, ['trips', 'rate']],
      [orders, keys, ['trips']],
      [totals, [total], ['total', 'unknown']],
      [drivers, [driver(1)], ['rate', 'city']],
      ...(storage.bareRows ? ([[orders, [driver(1), driver(2)], []]] as const) : []),
    ];
    const reads = asked.map(([table, entityKeys, features]) => readOf(table, entityKeys, features));
    await on().store.readMany?.(reads);
    for (const [index, [table, entityKeys, features]] of asked.entries()) {
      const { block } = reads[index] ?? {};
      assert.deepEqual(block && plainBlock(block, features), await on().read(table, entityKeys, features));
    }
  });

  it('takes the same table twice, with other keys and features', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await on().write(
      drivers,
      [1, 2].map((id) => rowOf(driver(id), { trips: int64(id), city: text(`${id}`) })),
    );
    const first = readOf(drivers, [driver(2), driver(1)], ['trips']);
    const second = readOf(drivers, [driver(1), driver(9), driver(2)], ['city', 'trips']);
    await on().store.readMany?.([first, second]);
    assert.deepEqual(plainBlock(first.block, ['trips']), await on().read(drivers, [2, 1].map(driver), ['trips']));
    const expected = await on().read(drivers, [1, 9, 2].map(driver), ['city', 'trips']);
    assert.deepEqual(plainBlock(second.block, ['city', 'trips']), expected);
  });

  it('reads nothing when nothing is asked', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await on().store.readMany?.([]);
    await on().store.readMany?.([readOf(drivers, [], ['trips'])]);
  });

  slow('reads thousands of rows of several tables', async () => {
    const [drivers, orders] = await on().applied(DRIVERS, ORDERS);
    const rows = Array.from({ length: 3000 }, (_, id) => rowOf(driver(id), { trips: int64(id) }));
    await on().write(drivers, rows);
    await on().write(orders, rows.slice(0, 1000));
    const keys = Array.from({ length: 3000 }, (_, at) => driver((at * 7) % 3000));
    const reads = [readOf(drivers, keys, ['trips']), readOf(orders, keys, ['trips', 'amount'])] as const;
    await on().store.readMany?.(reads);
    assertSameRows(plainBlock(reads[0].block, ['trips']), await on().read(drivers, keys, ['trips']));
    const expected = await on().read(orders, keys, ['trips', 'amount']);
    assertSameRows(plainBlock(reads[1].block, ['trips', 'amount']), expected);
    assert.equal(expected.filter((row) => row !== undefined).length, 1000);
  });
};

function readOf(table: OnlineTable, keys: readonly EntityKey[], features: readonly string[]): TableRead {
  return { table, keys: serializeKeys(table, keys), features, block: new RowBlock(keys.length, features.length) };
}
