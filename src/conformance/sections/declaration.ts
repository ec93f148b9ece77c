import assert from 'node:assert/strict';
import { changeOf } from '../fixture.ts';
import type { Section } from '../kit.ts';
import { rejectsWith } from '../rejections.ts';
import { driver, int64, plainRow, rowOf } from '../rows.ts';
import { DRIVERS } from '../tables.ts';

/** What the store says of itself, and that what it does not declare is not half there. */
export const testDeclaration: Section = ({ it, on, capabilities, options }) => {
  it('declares what its test says, and nothing else', () => {
    assert.deepEqual({ ...on().store.capabilities }, { ...capabilities });
  });

  for (const [method, ability] of [
    ['readMany', 'readMany'],
    ['writeBlock', 'blockWrites'],
    ['beginLoad', 'atomicLoads'],
  ] as const) {
    it(`has ${method} exactly when it declares it`, () => {
      assert.equal(typeof on().store[method] === 'function', capabilities[ability] === true);
    });
  }

  it('answers a ping once something is applied', async () => {
    await on().applied(DRIVERS);
    await on().store.ping();
  });

  if (capabilities.ttl) {
    it('comes with a configuration with which rows expire, so that this can be tested', () => {
      assert.ok(options.expiring, 'capabilities.ttl is true: give testOnlineStore the option "expiring".');
    });
  }

  if (capabilities.directWrite) return;

  it('comes with a writer, as it does not write itself', () => {
    assert.ok(options.writer, 'capabilities.directWrite is false: give testOnlineStore the option "writer".');
  });

  it('refuses to write', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const rows = [rowOf(driver(1), { trips: int64(1) })];
    await rejectsWith('STORE_UNSUPPORTED', () => on().store.onlineWriteBatch(drivers, rows));
    assert.deepEqual(await on().read(drivers, [driver(1)]), [undefined]);
  });

  it('removes nothing that the other system holds', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const row = rowOf(driver(1), { trips: int64(1) });
    await on().write(drivers, [row]);
    const { store } = on();
    for (const call of [
      () => store.teardown([drivers], []),
      () => store.update(changeOf({ tablesToDelete: [drivers] })),
    ]) {
      await call().catch((error: unknown) => rejectsWith('STORE_UNSUPPORTED', () => Promise.reject(error)));
      assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(row)]);
    }
  });
};
