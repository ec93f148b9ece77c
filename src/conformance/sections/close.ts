import assert from 'node:assert/strict';
import { readPlain } from '../fixture.ts';
import type { Section } from '../kit.ts';
import { rejectsWith } from '../rejections.ts';
import { driver, int64, plainRow, rowOf } from '../rows.ts';
import { DRIVERS } from '../tables.ts';
import { callsWith } from './abort.ts';

/** `close`. */
export const testClose: Section = ({ it, on, capabilities }) => {
  for (const [method, call] of callsWith(capabilities.directWrite, capabilities.readMany)) {
    it(`refuses ${method} afterwards`, async () => {
      const [drivers] = await on().applied(DRIVERS);
      const { store } = on();
      await store.close();
      await rejectsWith('STORE_CLOSED', () => call(store, drivers, {}));
    });
  }

  it('may be done twice, and before the store was ever used', async () => {
    const { store } = await on().another();
    await store.close();
    await store.close();
  });

  it('lets calls under way end, one way or the other', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const { store } = on();
    const reads = Array.from({ length: 20 }, (_, id) => store.onlineRead(drivers, [driver(id)]));
    const ended = Promise.allSettled(reads);
    await store.close();
    for (const result of await ended) {
      if (result.status === 'fulfilled') assert.deepEqual(result.value, [undefined]);
      else assert.equal((result.reason as Error).name, 'StoreError', String(result.reason));
    }
  });

  it('leaves what is stored to the next store', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const row = rowOf(driver(1), { trips: int64(1) });
    await on().write(drivers, [row]);
    await on().store.close();
    await on().writer.close();
    const { store } = await on().another();
    assert.deepEqual(await readPlain(store, drivers, [driver(1)]), [plainRow(row)]);
  });
};
