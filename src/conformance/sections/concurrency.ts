import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Section } from '../kit.ts';
import { bytesOf, driver, hex, int64, plainRow, rowOf, SOME_TIME, text } from '../rows.ts';
import { assertSameRows } from '../same-rows.ts';
import { DRIVERS } from '../tables.ts';

/** Many calls at a time, through one store and through several. */
export const testConcurrency: Section = ({ it, on }) => {
  it('keeps all rows of writers that work at the same time on different entities', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const writers = [on().writer, on().writer, (await on().another()).writer, (await on().another()).writer];
    const rows = Array.from({ length: 240 }, (_, id) => rowOf(driver(id), { trips: int64(id), city: text(`${id}`) }));
    await Promise.all(
      writers.flatMap((writer, n) => {
        const own = rows.filter((_, id) => id % writers.length === n);
        return [own.slice(0, 20), own.slice(20, 21), own.slice(21)].map((part) => {
          return writer.onlineWriteBatch(drivers, part);
        });
      }),
    );
    const keys = rows.map((row) => row.entityKey);
    assertSameRows(await on().read(drivers, keys), rows.map(plainRow));
  });

  it('leaves one whole row of writers that work at the same time on the same entities', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const writers = [on().writer, (await on().another()).writer];
    const keys = Array.from({ length: 20 }, (_, id) => driver(id));
    await Promise.all(
      Array.from({ length: 8 }, (_, version) => {
        const rows = keys.map((key) => {
          return rowOf(key, { trips: int64(version), city: text(`${version}`) }, SOME_TIME + version);
        });
        return writers[version % writers.length]?.onlineWriteBatch(drivers, rows);
      }),
    );
    for (const row of await on().read(drivers, keys)) {
      const version = [0, 1, 2, 3, 4, 5, 6, 7].find((each) => row?.values.trips === hex(bytesOf(int64(each))));
      assert.ok(version !== undefined, `no writer's value: ${JSON.stringify(row)}`);
      assert.equal(row?.values.city, hex(bytesOf(text(`${version}`))), 'a row of two writers');
    }
  });

  it('answers calls that overlap, each with its own rows', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const rows = Array.from({ length: 60 }, (_, id) => rowOf(driver(id), { trips: int64(id), city: text(`c${id}`) }));
    await on().write(drivers, rows);
    const answers = await Promise.all(
      rows.map((row, id) => on().read(drivers, [row.entityKey, driver(1000), driver((id + 7) % 60)])),
    );
    const plain = rows.map(plainRow);
    assertSameRows(
      answers.flat(),
      plain.flatMap((row, id) => [row, undefined, plain[(id + 7) % 60]]),
    );
  });

  it('reads whole answers while others write', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const keys = Array.from({ length: 10 }, (_, id) => driver(id));
    const write = (version: number) => {
      return on().write(
        drivers,
        keys.map((key) => rowOf(key, { trips: int64(version) }, SOME_TIME + version)),
      );
    };
    await write(0);
    let isWriting = true;
    const writing = (async () => {
      for (let version = 1; version <= 10; version++) await write(version);
    })().finally(() => {
      isWriting = false;
    });
    const known = new Set(Array.from({ length: 11 }, (_, version) => hex(bytesOf(int64(version)))));
    try {
      do {
        // A store that answers at once must not keep the writer from its turn.
        await nextTurn();
        const read = await on().read(drivers, keys, ['trips']);
        assert.equal(read.length, keys.length);
        for (const row of read) assert.ok(known.has(row?.values.trips ?? ''), JSON.stringify(row));
      } while (isWriting);
    } finally {
      await writing;
    }
  });
};
