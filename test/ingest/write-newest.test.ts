import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { SideboardError } from '../../src/errors.ts';
import { newestRows } from '../../src/ingest/newest-rows.ts';
import { writeNewest } from '../../src/ingest/write-newest.ts';
import { compareTimes } from '../../src/stores/compare-times.ts';
import type { OnlineRow, OnlineStore, OnlineTable, WriteOptions } from '../../src/stores/online-store.ts';
import { MemoryOnlineStore } from '../conformance/memory-online-store.ts';
import { changedStore } from '../support/changed-store.ts';
import { changeOf, driverRow, int64Bytes, storedDriver, storeErrorOf } from '../support/store-rows.ts';

const TABLE: OnlineTable = {
  project: 'p',
  name: 'v',
  joinKeys: ['driver_id'],
  features: ['a', 'b', 'c'].map((name) => ({ name, valueType: 4 })),
};

const hex = (value: number): string => Buffer.from(int64Bytes(value)).toString('hex');
let stores = 0;

/** A store in memory that declares neither `newestOnly` nor `keepsNewest`. */
async function plainStore(): Promise<MemoryOnlineStore> {
  stores += 1;
  const config = { name: `write-newest-${stores}`, keepsNewest: false, ttlSeconds: undefined, down: false };
  const store = new MemoryOnlineStore(config);
  await store.update(changeOf({ tablesToKeep: [TABLE] }));
  return store;
}

/** The store with other abilities, which only notes what it is told to write. */
function recording(
  store: OnlineStore,
  changes: Partial<OnlineStore['capabilities']>,
): { store: OnlineStore; calls: { rows: readonly OnlineRow[]; options: WriteOptions | undefined }[] } {
  const calls: { rows: readonly OnlineRow[]; options: WriteOptions | undefined }[] = [];
  const recorder = changedStore(store, {
    capabilities: { ...store.capabilities, ...changes },
    onlineWriteBatch: async (_table, rows, progress, options) => {
      calls.push({ rows, options });
      progress?.(rows.length);
    },
    onlineRead: () => assert.fail('the store was read'),
  });
  return { store: recorder, calls };
}

describe('writeNewest', () => {
  it('keeps the newer row of a store that cannot tell, however late the older one comes', async () => {
    const store = await plainStore();
    await writeNewest(store, TABLE, [driverRow(1, 200, { a: 2 })]);
    await writeNewest(store, TABLE, [driverRow(1, 100, { a: 1 }), driverRow(2, 100, { a: 3 })]);
    assert.deepEqual(await storedDriver(store, TABLE, 1), { seconds: 200, a: hex(2) });
    assert.deepEqual(await storedDriver(store, TABLE, 2), { seconds: 100, a: hex(3) });
  });

  it('writes a row that is as new as the stored one', async () => {
    const store = await plainStore();
    await writeNewest(store, TABLE, [driverRow(1, 100, { a: 1 })]);
    await writeNewest(store, TABLE, [driverRow(1, 100, { a: 2 })]);
    assert.deepEqual(await storedDriver(store, TABLE, 1), { seconds: 100, a: hex(2) });
  });

  it('leaves one row per entity of those that bring all features', async () => {
    const { store, calls } = recording(await plainStore(), { newestOnly: true });
    const rows = [driverRow(1, 100, { a: 1 }), driverRow(2, 100, { a: 2 }), driverRow(1, 300, { a: 3 })];
    rows.push(driverRow(1, 200, { a: 4 }));
    await writeNewest(store, TABLE, rows);
    assert.deepEqual(calls, [{ rows: [rows[2], rows[1]], options: { newestOnly: true } }]);
  });

  it('hands on the very rows where no entity has two', async () => {
    const { store, calls } = recording(await plainStore(), { newestOnly: true });
    const rows = [driverRow(1, 100, { a: 1 }), driverRow(2, 100, { a: 2 })];
    await writeNewest(store, TABLE, rows);
    assert.equal(calls[0]?.rows, rows);
  });

  it('tells newestOnly, and reads nothing, only where the store declares it', async () => {
    const signal = new AbortController().signal;
    const deadline = Date.now() + 60_000;
    for (const [changes, options] of [
      [{ newestOnly: true }, { deadline, signal, newestOnly: true }],
      [
        { newestOnly: true, keepsNewest: true },
        { deadline, signal, newestOnly: true },
      ],
      [{ keepsNewest: true }, { deadline, signal }],
      [{ eventTimes: false }, { deadline, signal }],
    ] as const) {
      const { store, calls } = recording(await plainStore(), changes);
      await writeNewest(store, TABLE, [driverRow(1, 100, { a: 1 })], { deadline, signal, progress: () => {} });
      assert.deepEqual(calls[0]?.options, options);
    }
  });

  it('tells of every row that is finished, of those left out too', async () => {
    for (const abilities of [{}, { newestOnly: true }]) {
      const plain = await plainStore();
      await writeNewest(plain, TABLE, [driverRow(1, 500, { a: 1 })]);
      const store = 'newestOnly' in abilities ? recording(plain, abilities).store : plain;
      let finished = 0;
      const rows = [100, 200, 300].flatMap((time) => [1, 2].map((id) => driverRow(id, time, { a: time })));
      await writeNewest(store, TABLE, rows, {
        progress: (count) => {
          finished += count;
        },
      });
      assert.equal(finished, rows.length);
    }
  });

  it('has writers of the same entities wait for one another', async () => {
    const plain = await plainStore();
    let underWay = 0;
    const slow = changedStore(plain, {
      onlineRead: async (...args) => {
        const answer = await plain.onlineRead(...args);
        await sleep(1);
        return answer;
      },
      onlineWriteBatch: async (...args) => {
        underWay += 1;
        await sleep(1);
        await plain.onlineWriteBatch(...args);
        underWay -= 1;
        assert.equal(underWay, 0);
      },
    });
    const times = [5, 1, 7, 3, 9, 2, 8, 4, 6];
    await Promise.all(times.map((time) => writeNewest(slow, TABLE, [driverRow(1, time, { a: time })])));
    assert.deepEqual(await storedDriver(plain, TABLE, 1), { seconds: 9, a: hex(9) });
  });

  it('gives up at the deadline while others write, and lets those behind go on', async () => {
    const plain = await plainStore();
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const held = changedStore(plain, {
      onlineWriteBatch: async (...args) => {
        await gate;
        await plain.onlineWriteBatch(...args);
      },
    });
    const first = writeNewest(held, TABLE, [driverRow(1, 100, { a: 1 })]);
    const second = writeNewest(plain, TABLE, [driverRow(1, 300, { a: 3 })], { deadline: Date.now() + 20 });
    const third = writeNewest(plain, TABLE, [driverRow(1, 200, { a: 2 })]);
    await storeErrorOf(second, 'STORE_TIMEOUT');
    assert.equal(await storedDriver(plain, TABLE, 1), undefined);
    release();
    await Promise.all([first, third]);
    assert.deepEqual(await storedDriver(plain, TABLE, 1), { seconds: 200, a: hex(2) });
  });

  it('goes on behind a writer that failed', async () => {
    const plain = await plainStore();
    const failing = changedStore(plain, { onlineWriteBatch: () => Promise.reject(new Error('broken')) });
    const failed = writeNewest(failing, TABLE, [driverRow(1, 100, { a: 1 })]);
    const next = writeNewest(plain, TABLE, [driverRow(1, 100, { a: 2 })]);
    await assert.rejects(failed, /broken/);
    await next;
    assert.deepEqual(await storedDriver(plain, TABLE, 1), { seconds: 100, a: hex(2) });
  });

  it('refuses a store that takes no rows, and rows that cannot be stored', async () => {
    const { store } = recording(await plainStore(), { directWrite: false });
    await assert.rejects(
      writeNewest(store, TABLE, [driverRow(1, 100, { a: 1 })]),
      (error) => error instanceof SideboardError && error.code === 'INGEST_STORE_READ_ONLY',
    );
    const plain = await plainStore();
    const rows = [driverRow(1, 100, { a: 1 }), driverRow(1, 0.5, { a: 1 })];
    await storeErrorOf(writeNewest(plain, TABLE, rows), 'STORE_INVALID_ROW');
    assert.equal(await storedDriver(plain, TABLE, 1), undefined);
  });
});

describe('newestRows', () => {
  const at = (seconds: number, values: Record<string, number>, created?: number): OnlineRow => {
    const row = driverRow(1, seconds, values);
    return created === undefined ? row : { ...row, createdTimestamp: { seconds: created, nanos: 0 } };
  };
  const newest = (...rows: OnlineRow[]) =>
    newestRows(
      rows,
      rows.map(() => 'x'),
    ).map(({ eventTimestamp, createdTimestamp, values }) => ({
      at: eventTimestamp.seconds,
      created: createdTimestamp?.seconds,
      ...Object.fromEntries([...values].map(([name, bytes]) => [name, Buffer.from(bytes).toString('hex')])),
    }));

  it('decides by the created time where event times are equal, then by the order', () => {
    assert.deepEqual(newest(at(5, { a: 1 }, 20), at(5, { a: 2 }, 10)), [{ at: 5, created: 20, a: hex(1) }]);
    assert.deepEqual(newest(at(5, { a: 1 }, 20), at(5, { a: 2 })), [{ at: 5, created: 20, a: hex(1) }]);
    assert.deepEqual(newest(at(5, { a: 1 }), at(5, { a: 2 })), [{ at: 5, created: undefined, a: hex(2) }]);
  });

  it('looks at nanoseconds', () => {
    const later = { ...at(5, { a: 1 }), eventTimestamp: { seconds: 5, nanos: 1 } };
    assert.deepEqual(newest(later, at(5, { a: 2 })), [{ at: 5, created: undefined, a: hex(1) }]);
    assert.ok(compareTimes({ seconds: -1, nanos: 999_999_999 }, { seconds: 0, nanos: 0 }) < 0);
  });

  it('keeps the newest value of each feature, with its own time, oldest first', () => {
    assert.deepEqual(newest(at(7, { b: 7 }), at(5, { a: 5, b: 5 }), at(6, { b: 6, c: 6 }), at(4, { a: 4, c: 4 })), [
      { at: 5, created: undefined, a: hex(5) },
      { at: 6, created: undefined, c: hex(6) },
      { at: 7, created: undefined, b: hex(7) },
    ]);
  });

  it('makes one row of those of equal event times', () => {
    assert.deepEqual(newest(at(5, { a: 1, b: 1 }, 10), at(5, { b: 2 }, 20), at(4, { c: 3 })), [
      { at: 4, created: undefined, c: hex(3) },
      { at: 5, created: 20, a: hex(1), b: hex(2) },
    ]);
  });

  it('keeps the newest row that brings nothing, for its time', () => {
    assert.deepEqual(newest(at(6, {}), at(5, { a: 1 }), at(4, {})), [
      { at: 5, created: undefined, a: hex(1) },
      { at: 6, created: undefined },
    ]);
  });
});
