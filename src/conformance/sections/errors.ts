import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { EntityKeySchema } from '../../../gen/feast/types/EntityKey_pb.ts';
import { StoreFixture } from '../fixture.ts';
import type { Section } from '../kit.ts';
import { assertStoreError, rejectsWith } from '../rejections.ts';
import { double, driver, int64, keyOf, nothing, plainRow, rowOf } from '../rows.ts';
import { DRIVERS } from '../tables.ts';

/** What cannot be done is an error with a code: never a row that is missing, never a value in another's place. */
export const testErrors: Section = ({ it, on, capabilities, options }) => {
  const unserializable = [
    ['of a type that has no serialization', keyOf({ driver_id: double(1.5) })],
    ['without a value', keyOf({ driver_id: nothing })],
    ['with more names than values', create(EntityKeySchema, { joinKeys: ['driver_id', 'other'], entityValues: [] })],
  ] as const;

  for (const [what, key] of unserializable) {
    it(`refuses a key ${what}`, async () => {
      const [drivers] = await on().applied(DRIVERS);
      await rejectsWith('STORE_INVALID_ROW', () => on().store.onlineRead(drivers, [driver(1), key]));
      if (!capabilities.directWrite) return;
      await rejectsWith('STORE_INVALID_ROW', () => on().write(drivers, [rowOf(key, { trips: int64(1) })]));
    });
  }

  if (capabilities.directWrite) {
    it('refuses an event time that is not a Timestamp', async () => {
      const [drivers] = await on().applied(DRIVERS);
      for (const time of [
        { seconds: Number.NaN, nanos: 0 },
        { seconds: 1.5, nanos: 0 },
        { seconds: 1, nanos: 1_000_000_000 },
        { seconds: 1, nanos: -1 },
      ]) {
        const row = rowOf(driver(1), { trips: int64(1) }, time);
        await rejectsWith('STORE_INVALID_ROW', () => on().write(drivers, [row]));
      }
      assert.deepEqual(await on().read(drivers, [driver(1)]), [undefined]);
    });
  }

  it('goes on after an error', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const row = rowOf(driver(1), { trips: int64(1) });
    await on().write(drivers, [row]);
    const wrong = on().store.onlineRead(drivers, [keyOf({ driver_id: double(1.5) })]);
    const right = on().read(drivers, [driver(1)]);
    await rejectsWith('STORE_INVALID_ROW', () => wrong);
    assert.deepEqual(await right, [plainRow(row)]);
    assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(row)]);
  });

  const { unreachable } = options;
  if (unreachable === undefined) return;

  it('says that its database cannot be reached: it never takes rows for missing', async () => {
    const fixture = await StoreFixture.open({ ...options, reset: async () => {} }, unreachable);
    try {
      const { store } = fixture;
      const drivers = fixture.table(DRIVERS);
      const limits = { deadline: Date.now() + 5000 };
      const calls = [
        () => store.ping(limits),
        () => store.onlineRead(drivers, [driver(1)], undefined, limits),
        ...(capabilities.directWrite
          ? [() => store.onlineWriteBatch(drivers, [rowOf(driver(1), { trips: int64(1) })], undefined, limits)]
          : []),
      ];
      for (const call of calls) {
        const error: unknown = await call().then(
          () => assert.fail('the call succeeded without a database'),
          (reason: unknown) => reason,
        );
        if (error instanceof assert.AssertionError) throw error;
        assertStoreError(error, ['STORE_UNAVAILABLE', 'STORE_TIMEOUT']);
      }
    } finally {
      await fixture.end();
    }
  });
};
