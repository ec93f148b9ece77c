import assert from 'node:assert/strict';
import type { EventTimestamp, OnlineRow, OnlineStore, OnlineTable } from '../../stores/online-store.ts';
import type { Section } from '../kit.ts';
import { cutTime, double, driver, int64, plainRow, rowOf, SOME_TIME, smallestStep, text } from '../rows.ts';
import { assertSameRows } from '../same-rows.ts';
import { DRIVERS } from '../tables.ts';

/** `newestOnly`: whatever order rows are written in, the newest stays. */
export const testNewestOnly: Section = ({ it, on, storage }) => {
  const older = rowOf(driver(1), { trips: int64(1), city: text('old') }, SOME_TIME);
  const newer = rowOf(driver(1), { trips: int64(2), city: text('new') }, SOME_TIME + 60);
  const write = (table: OnlineTable, rows: readonly OnlineRow[], store: OnlineStore = on().store): Promise<void> => {
    return store.onlineWriteBatch(table, rows, undefined, { newestOnly: true });
  };

  it('leaves out a row that is older than the stored one, and writes the others', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await write(drivers, [newer]);
    const others = [2, 3].map((id) => rowOf(driver(id), { trips: int64(id) }, SOME_TIME - 600));
    await write(drivers, [...others.slice(0, 1), older, ...others.slice(1)]);
    const expected = [newer, ...others].map(plainRow);
    assert.deepEqual(await on().read(drivers, [driver(1), driver(2), driver(3)]), expected);
  });

  it('replaces an older row by a newer one', async () => {
    const [drivers] = await on().applied(DRIVERS);
    for (const row of [older, newer]) {
      await write(drivers, [row]);
      assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(row)]);
    }
  });

  it('judges what was written without it too', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await on().write(drivers, [newer]);
    await write(drivers, [older]);
    assert.deepEqual(await on().read(drivers, [driver(1)]), [plainRow(newer)]);
  });

  it('judges rows of one batch as it would judge several batches', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const middle = rowOf(driver(1), { trips: int64(3), city: text('middle') }, SOME_TIME + 30);
    for (const [id, batch] of [
      [older, newer, middle],
      [newer, middle, older],
    ].entries()) {
      await write(
        drivers,
        batch.map((row) => ({ ...row, entityKey: driver(id) })),
      );
      assert.deepEqual(await on().read(drivers, [driver(id)]), [plainRow(newer)]);
    }
  });

  it(`tells times apart as finely as it keeps them: to the ${storage.timePrecision}`, async () => {
    const [drivers] = await on().applied(DRIVERS);
    const precision = storage.timePrecision === 'none' ? 'nanosecond' : storage.timePrecision;
    const step = smallestStep(precision);
    const times: EventTimestamp[] = [
      { seconds: 978_307_200, nanos: 0 },
      cutTime({ seconds: SOME_TIME - 1, nanos: 999_999_999 }, precision),
      { seconds: SOME_TIME, nanos: 0 },
      ...(step < 1e9 ? [step, 2 * step, 100_000_000, 900_000_000, 1e9 - step] : []).map((nanos) => {
        return { seconds: SOME_TIME, nanos };
      }),
      { seconds: SOME_TIME + 1, nanos: 0 },
      { seconds: 2_114_380_799, nanos: 0 },
    ];
    const rows = times.map((time, at) => rowOf(driver(at), { trips: int64(at) }, time));
    await write(drivers, rows);
    for (const [at, row] of rows.entries()) {
      const before = times[at - 1];
      const after = times[at + 1];
      if (before !== undefined) await write(drivers, [rowOf(driver(at), { trips: int64(-1) }, before)]);
      assertSameTrips(await on().read(drivers, [driver(at)], ['trips']), row, 'an older row took its place');
      if (after === undefined) continue;
      const next = rowOf(driver(at), { trips: int64(-2) }, after);
      await write(drivers, [next]);
      assertSameTrips(await on().read(drivers, [driver(at)], ['trips']), next, 'a newer row was left out');
    }
  });

  it('keeps one row whole of two that are equally new', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const other = rowOf(driver(1), { trips: int64(9), city: text('other') }, SOME_TIME + 60);
    await write(drivers, [newer]);
    await write(drivers, [other]);
    const [row] = await on().read(drivers, [driver(1)]);
    const either = [plainRow(newer), plainRow(other)].find((each) => each.values.trips === row?.values.trips);
    assert.deepEqual(row, either ?? plainRow(newer));
  });

  if (storage.createdTimes) {
    it('decides by the created times where event times are equal', async () => {
      const [drivers] = await on().applied(DRIVERS);
      const created = (trips: number, seconds: number): OnlineRow => ({
        ...rowOf(driver(1), { trips: int64(trips) }, SOME_TIME),
        createdTimestamp: { seconds: SOME_TIME + seconds, nanos: 0 },
      });
      for (const [batch, winner] of [
        [[created(1, 100)], 1],
        [[created(2, 40)], 1],
        [[created(3, 200)], 3],
        [[created(4, 300), created(5, 250)], 4],
        [[rowOf(driver(1), { trips: int64(6) }, SOME_TIME + 1)], 6],
      ] as const) {
        await write(drivers, batch);
        const [row] = await on().read(drivers, [driver(1)]);
        assert.deepEqual(row?.values, plainRow(created(winner, 0)).values);
      }
    });
  }

  const rewrites = storage.rewrite === 'merge' ? 'keeps' : 'forgets';
  it(`${rewrites} the features that a newer row does not bring`, async () => {
    const [drivers] = await on().applied(DRIVERS);
    await write(drivers, [rowOf(driver(1), { rate: double(1), trips: int64(9) }, SOME_TIME)]);
    await write(drivers, [newer]);
    const kept = storage.rewrite === 'merge' ? { rate: double(1) } : {};
    const expected = rowOf(driver(1), { ...kept, trips: int64(2), city: text('new') });
    const [row] = await on().read(drivers, [driver(1)]);
    assert.deepEqual(row?.values, plainRow(expected).values);
  });

  it('says how far it is: the numbers add up to the rows, with those that it leaves out', async () => {
    const [drivers] = await on().applied(DRIVERS);
    await write(drivers, [newer]);
    let finished = 0;
    const progress = (count: number): void => {
      finished += count;
    };
    const rows = [older, rowOf(driver(2), { trips: int64(2) }), older];
    await on().store.onlineWriteBatch(drivers, rows, progress, { newestOnly: true });
    assert.equal(finished, rows.length);
  });

  it('keeps the newest row of every entity, whole, of writers that work at the same time', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const stores = [on().store, (await on().another()).store, (await on().another()).store];
    const versions = 24;
    const keys = Array.from({ length: 10 }, (_, id) => driver(id));
    const rowsOf = (version: number): OnlineRow[] => {
      return keys.map((key) => {
        return rowOf(key, { trips: int64(version), city: text(`${version}`) }, SOME_TIME + version * 60);
      });
    };
    // 7 and 24 have no common divisor: every version comes once, up and down.
    const order = Array.from({ length: versions }, (_, at) => (at * 7 + 5) % versions);
    await Promise.all(
      stores.map(async (store, n) => {
        const own = order.filter((_, at) => at % stores.length === n);
        // Two at a time through each store, of which the first goes ahead of the other.
        for (let at = 0; at < own.length; at += 2) {
          await Promise.all(own.slice(at, at + 2).map((version) => write(drivers, rowsOf(version), store)));
        }
      }),
    );
    assertSameRows(await on().read(drivers, keys), rowsOf(versions - 1).map(plainRow));
  });
};

function assertSameTrips(
  rows: readonly ({ readonly values: Readonly<Record<string, string>> } | undefined)[],
  expected: OnlineRow,
  what: string,
): void {
  assert.deepEqual(
    rows.map((row) => row?.values),
    [plainRow(expected).values],
    `${what} at ${expected.eventTimestamp.seconds} s ${expected.eventTimestamp.nanos} ns`,
  );
}
