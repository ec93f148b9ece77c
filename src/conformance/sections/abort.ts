import assert from 'node:assert/strict';
import type { CallOptions, OnlineStore, OnlineTable } from '../../stores/online-store.ts';
import { RowBlock } from '../../stores/row-block.ts';
import { serializeKeys } from '../../stores/row-objects.ts';
import { changeOf } from '../fixture.ts';
import type { Section } from '../kit.ts';
import { assertStoreError, rejectsWith } from '../rejections.ts';
import { driver, int64, plainRow, rowOf } from '../rows.ts';
import { assertSameRows } from '../same-rows.ts';
import { DRIVERS } from '../tables.ts';

/** Deadlines, and callers that went away. */
export const testAbort: Section = ({ it, on, capabilities }) => {
  // A store that has nothing to do for an update may do so at any time; here it has to remove something.
  for (const [method, call] of callsWith(capabilities.directWrite, capabilities.readMany)) {
    it(`starts no ${method} behind the deadline, or for a caller that went away`, async () => {
      const [drivers] = await on().applied(DRIVERS);
      const { store } = on();
      for (const options of [
        { deadline: Date.now() - 1 },
        { signal: AbortSignal.abort() },
        { cancelled: true },
      ] satisfies CallOptions[]) {
        await rejectsWith('STORE_TIMEOUT', () => call(store, drivers, options));
      }
      assert.deepEqual(await on().read(drivers, [driver(1)]), [undefined]);
    });
  }

  it('answers within a deadline that lies ahead, to a caller that is there', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const row = rowOf(driver(1), { trips: int64(1) });
    await on().write(drivers, [row]);
    const options = { deadline: Date.now() + 30_000, signal: new AbortController().signal, cancelled: false };
    await on().store.ping(options);
    assert.deepEqual(await on().read(drivers, [driver(1)], undefined, options), [plainRow(row)]);
  });

  it('lets go of a call that is aborted under way, and serves the next one', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const rows = Array.from({ length: 200 }, (_, id) => rowOf(driver(id), { trips: int64(id) }));
    await on().write(drivers, rows);
    const controller = new AbortController();
    const keys = rows.map((row) => row.entityKey);
    const aborted = on().read(drivers, keys, undefined, { signal: controller.signal });
    controller.abort();
    try {
      // It may have been too late to stop it; then the answer is whole.
      assertSameRows(await aborted, rows.map(plainRow));
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      assertStoreError(error, ['STORE_TIMEOUT']);
    }
    assertSameRows(await on().read(drivers, keys), rows.map(plainRow));
  });
};

type Call = (store: OnlineStore, table: OnlineTable, options: CallOptions) => Promise<unknown>;

/** Every method that takes limits; of writing ones only those that the store has. */
export function callsWith(writes: boolean, readsMany: boolean): readonly (readonly [string, Call])[] {
  const rows = [rowOf(driver(1), { trips: int64(1) })];
  return [
    ['ping', (store, _table, options) => store.ping(options)],
    ['onlineRead', (store, table, options) => store.onlineRead(table, [driver(1)], undefined, options)],
    ...(writes
      ? ([
          ['onlineWriteBatch', (store, table, options) => store.onlineWriteBatch(table, rows, undefined, options)],
          ['update', (store, table, options) => store.update(changeOf({ tablesToDelete: [table] }), options)],
          ['teardown', (store, table, options) => store.teardown([table], [], options)],
        ] satisfies [string, Call][])
      : []),
    ...(readsMany ? ([['readMany', readMany]] satisfies [string, Call][]) : []),
  ];
}

async function readMany(store: OnlineStore, table: OnlineTable, options: CallOptions): Promise<void> {
  const block = new RowBlock(1, 1);
  await store.readMany?.([{ table, keys: serializeKeys(table, [driver(1)]), features: ['trips'], block }], options);
}
