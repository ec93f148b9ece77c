import { type CallOptions, type OnlineStore, RowBlock, StoreError } from '../../src/stores/index.ts';
import type { MemoryOnlineStore } from './memory-online-store.ts';
import type { Mutation } from './mutation.ts';

/** A store that changes the limits that it is given by its caller. */
function limitedBy(change: (options: CallOptions) => CallOptions) {
  return (store: MemoryOnlineStore): Partial<OnlineStore> => ({
    onlineRead: (table, keys, features, options) => store.onlineRead(table, keys, features, change(options ?? {})),
  });
}

/** What deadlines, errors, closing and several tables in one call can get wrong. */
export const callMutations: readonly Mutation[] = [
  {
    name: 'an ability that was not declared',
    caughtBy: 'declaration',
    mutate: (store) => ({ capabilities: { ...store.capabilities, keepsNewest: true } }),
  },
  {
    name: 'an ability that is half there',
    caughtBy: 'declaration',
    mutate: (store) => ({ capabilities: { ...store.capabilities, readMany: false } }),
  },
  {
    name: 'loads that were not declared',
    caughtBy: 'declaration',
    mutate: () => ({
      beginLoad: async () => ({ write: async () => {}, commit: async () => {}, abort: async () => {} }),
    }),
  },
  {
    name: 'an ignored abort',
    caughtBy: 'abort',
    mutate: limitedBy(({ signal: _signal, cancelled: _cancelled, ...options }) => options),
  },
  {
    name: 'an ignored deadline',
    caughtBy: 'abort',
    mutate: limitedBy(({ deadline: _deadline, ...options }) => options),
  },
  {
    name: 'a writer that ignores its limits',
    caughtBy: 'abort',
    mutate: (store) => ({
      onlineWriteBatch: (table, rows, progress) => store.onlineWriteBatch(table, rows, progress),
    }),
  },
  {
    name: 'a ping that looks at nothing',
    caughtBy: 'abort',
    mutate: () => ({ ping: async () => {} }),
  },
  {
    name: 'rows taken for missing without a database',
    caughtBy: 'errors',
    mutate: (store) => ({
      async onlineRead(table, keys, features, options) {
        try {
          return await store.onlineRead(table, keys, features, options);
        } catch (error) {
          if ((error as StoreError).code !== 'STORE_UNAVAILABLE') throw error;
          return keys.map(() => undefined);
        }
      },
    }),
  },
  {
    name: 'rows taken for missing for keys that are refused',
    caughtBy: 'errors',
    mutate: (store) => ({
      async onlineRead(table, keys, features, options) {
        try {
          return await store.onlineRead(table, keys, features, options);
        } catch (error) {
          if ((error as StoreError).code !== 'STORE_INVALID_ROW') throw error;
          return keys.map(() => undefined);
        }
      },
    }),
  },
  {
    name: 'errors without a code',
    caughtBy: 'errors',
    mutate: (store) => ({
      async onlineRead(table, keys, features, options) {
        try {
          return await store.onlineRead(table, keys, features, options);
        } catch (cause) {
          throw new TypeError('something is wrong', { cause });
        }
      },
    }),
  },
  {
    name: 'times that are not times stored',
    caughtBy: 'errors',
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress, options) {
        const times = rows.map((row) => ({ ...row, eventTimestamp: { seconds: 1_768_032_000, nanos: 0 } }));
        await store.onlineWriteBatch(table, times, progress, options);
      },
    }),
  },
  {
    name: 'reads of a store that was closed',
    caughtBy: 'close',
    mutate: () => ({ close: async () => {} }),
  },
  {
    name: 'a store that can be closed once',
    caughtBy: 'close',
    mutate: (store) => {
      let closed = false;
      return {
        async close() {
          if (closed) throw new StoreError('STORE_CLOSED', 'The store was closed.');
          closed = true;
          await store.close();
        },
      };
    },
  },
  {
    name: 'rows that go away with the store',
    caughtBy: 'close',
    mutate: (store) => ({
      async close() {
        store.tables.clear();
        await store.close();
      },
    }),
  },
  {
    name: 'one table given for all of a call',
    caughtBy: 'several tables in one call',
    mutate: (store) => ({
      async readMany(reads, options) {
        const [first] = reads;
        if (first === undefined) return;
        await store.readMany(
          reads.map((read) => ({ ...read, table: first.table })),
          options,
        );
      },
    }),
  },
  {
    name: 'only the first table of a call read',
    caughtBy: 'several tables in one call',
    mutate: (store) => ({ readMany: (reads, options) => store.readMany(reads.slice(0, 1), options) }),
  },
  {
    name: 'rows that are not said to be found',
    caughtBy: 'several tables in one call',
    mutate: (store) => ({
      async readMany(reads, options) {
        await store.readMany(reads, options);
        for (const { block } of reads) block.found.fill(0);
      },
    }),
  },
  {
    name: 'columns in the order of the view',
    caughtBy: 'several tables in one call',
    mutate: (store) => ({
      async readMany(reads, options) {
        for (const read of reads) {
          const features = read.table.features.map(({ name }) => name).filter((name) => read.features.includes(name));
          const block = new RowBlock(read.keys.length, read.features.length);
          const inOrder = { ...read, features: [...features, ...read.features].slice(0, read.features.length), block };
          await store.readMany([inOrder], options);
          for (let row = 0; row < block.rows; row++) if (block.found[row] === 1) read.block.copyRow(row, block, row);
        }
      },
    }),
  },
];
