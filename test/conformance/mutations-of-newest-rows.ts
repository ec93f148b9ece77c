import { setTimeout as sleep } from 'node:timers/promises';
import type { EventTimestamp, OnlineRow, OnlineStore, WriteOptions } from '../../src/stores/index.ts';
import { idOf, type MemoryOnlineStore } from './memory-online-store.ts';
import { aMoment, type Mutation, valuesOf } from './mutation.ts';

/** A store that decides itself, not in one step with the write, which rows are new enough. */
function choosing(isNewer: (row: OnlineRow, stored: EventTimestamp, rows: readonly OnlineRow[]) => boolean) {
  return (store: MemoryOnlineStore): Partial<OnlineStore> => ({
    async onlineWriteBatch(table, rows, progress, options: WriteOptions = {}) {
      const { newestOnly = false, ...call } = options;
      if (!newestOnly) return store.onlineWriteBatch(table, rows, progress, call);
      const entityKeys = rows.map((row) => row.entityKey);
      const stored = await store.onlineRead(table, entityKeys, undefined, call);
      const wanted = rows.filter((row, at) => {
        const time = stored[at]?.eventTimestamp;
        return time === undefined || isNewer(row, time, rows);
      });
      await sleep(rows.length > 1 ? 3 : 0);
      await store.onlineWriteBatch(table, wanted, undefined, call);
      progress?.(rows.length);
    },
  });
}

/** What writing the newest rows only can get wrong. */
const mutations: readonly Omit<Mutation, 'caughtBy' | 'config'>[] = [
  { name: 'newestOnly that is not looked at', mutate: choosing(() => true) },
  {
    name: 'newestOnly that looks at whole seconds',
    mutate: choosing((row, stored) => row.eventTimestamp.seconds >= stored.seconds),
  },
  {
    name: 'newestOnly that leaves out what is newer by a fraction',
    mutate: choosing((row, stored) => row.eventTimestamp.seconds > stored.seconds),
  },
  {
    name: 'newestOnly that does not look at the other rows of the batch',
    mutate: choosing((row, stored) => isNewer(row.eventTimestamp, stored)),
  },
  {
    name: 'newestOnly that leaves out the batch of an older row',
    mutate: choosing((_row, stored, rows) => rows.every((row) => isNewer(row.eventTimestamp, stored))),
  },
  {
    name: 'newestOnly in two steps, between which another may write',
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress, options) {
        const before = new Map([...(store.tables.get(idOf(table)) ?? [])].map(([key, row]) => [key, { ...row }]));
        await aMoment();
        const kept = store.tables.get(idOf(table));
        for (const [key, row] of before) {
          const now = kept?.get(key);
          if (now !== undefined) now.time = row.time;
        }
        await store.onlineWriteBatch(table, rows, progress, options);
      },
    }),
  },
  {
    name: 'newestOnly without created times',
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress, options) {
        const without = rows.map(({ createdTimestamp: _created, ...row }) => row);
        await store.onlineWriteBatch(table, without, progress, options);
      },
    }),
  },
  {
    name: 'rows that are equally new mixed',
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress, options) {
        const [stored] = await store.onlineRead(
          table,
          rows.slice(0, 1).map((row) => row.entityKey),
        );
        const [row] = rows;
        const isEqual = row !== undefined && stored?.eventTimestamp.seconds === row.eventTimestamp.seconds;
        const written =
          isEqual && row.createdTimestamp === undefined ? [valuesOf(row, (name) => name !== 'city')] : rows;
        await store.onlineWriteBatch(table, written, progress, options);
      },
    }),
  },
  {
    name: 'a newer row that takes the place of all features',
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress, options) {
        if (options?.newestOnly === true && rows.length === 1) {
          for (const kept of store.tables.get(idOf(table))?.values() ?? []) kept.values.delete('rate');
        }
        await store.onlineWriteBatch(table, rows, progress, options);
      },
    }),
  },
  {
    name: 'progress of the rows alone that were written',
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress, options) {
        const [stored] = await store.onlineRead(
          table,
          rows.slice(0, 1).map((row) => row.entityKey),
        );
        await store.onlineWriteBatch(table, rows, undefined, options);
        progress?.(stored === undefined ? rows.length : rows.length - 1);
      },
    }),
  },
];

export const newestRowMutations: readonly Mutation[] = mutations.map((mutation) => {
  return { ...mutation, caughtBy: 'newest rows only', config: { loads: true } };
});

function isNewer(a: EventTimestamp, b: EventTimestamp): boolean {
  return a.seconds > b.seconds || (a.seconds === b.seconds && a.nanos >= b.nanos);
}
