import assert from 'node:assert/strict';
import { readPlain } from '../fixture.ts';
import type { Section } from '../kit.ts';
import { bytesOf, cutTime, double, driver, int64, plainRow, rowOf, SOME_TIME, text } from '../rows.ts';
import { DRIVERS } from '../tables.ts';

/** `onlineWriteBatch`. */
export const testWrite: Section = ({ it, on, storage, capabilities }) => {
  it('stores values to the byte, and the event time', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const row = rowOf(driver(1), { rate: double(0.5), trips: int64(3), city: text('Zürich') });
    await on().write(drivers, [row]);
    assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(row)]);
  });

  it(
    storage.timePrecision === 'none' ? 'stores no event times' : `stores event times to the ${storage.timePrecision}`,
    async () => {
      const [drivers] = await on().applied(DRIVERS);
      const times = [
        { seconds: 978_307_200, nanos: 0 },
        { seconds: SOME_TIME, nanos: 1 },
        { seconds: SOME_TIME, nanos: 123_456_789 },
        { seconds: SOME_TIME, nanos: 999_999_999 },
        { seconds: 2_114_380_799, nanos: 500_000_000 },
      ];
      const rows = times.map((time, id) => rowOf(driver(id), { trips: int64(id) }, time));
      await on().write(drivers, rows);
      const expected = rows.map((row) => {
        return plainRow({ ...row, eventTimestamp: cutTime(row.eventTimestamp, storage.timePrecision) });
      });
      const keys = rows.map((row) => row.entityKey);
      assert.deepEqual(await on().read(drivers, keys), expected);
    },
  );

  it('takes a created time, which is not the event time', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const row = rowOf(driver(1), { trips: int64(1) });
    await on().write(drivers, [{ ...row, createdTimestamp: { seconds: SOME_TIME + 86_400, nanos: 5000 } }]);
    assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(row)]);
  });

  it('does nothing for an empty batch', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await on().write(drivers, []);
    assert.deepEqual(await on().read(drivers, [driver(1)]), [undefined]);
  });

  it('says how far it is: the numbers add up to the rows', async () => {
    if (!capabilities.directWrite) return;
    const [drivers] = await on().applied(DRIVERS);
    const rows = Array.from({ length: 120 }, (_, id) => rowOf(driver(id), { trips: int64(id) }));
    let finished = 0;
    await on().store.onlineWriteBatch(drivers, rows, (count) => {
      finished += count;
    });
    assert.equal(finished, rows.length);
  });

  it('is done when it says so: another store on the same storage reads the rows', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const rows = [1, 2, 3].map((id) => rowOf(driver(id), { trips: int64(id) }));
    await on().write(drivers, rows);
    const { store } = await on().another();
    const keys = rows.map((row) => row.entityKey);
    assert.deepEqual(await readPlain(store, drivers, keys), rows.map(plainRow));
  });

  it('keeps nothing of what the caller may go on to change', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const value = bytesOf(text('abc'));
    const row = rowOf(driver(1), { city: value });
    const expected = plainRow(row);
    await on().write(drivers, [row]);
    value.fill(0);
    assert.deepEqual(await on().read(drivers, [driver(1)]), [expected]);
  });
};
