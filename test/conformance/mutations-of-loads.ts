import { setTimeout as sleep } from 'node:timers/promises';
import {
  type OnlineRow,
  type OnlineStore,
  rowsFromWriteBlock,
  type TableLoad,
  type WriteBlock,
  type WriteOptions,
} from '../../src/stores/index.ts';
import { idOf, type MemoryOnlineStore } from './memory-online-store.ts';
import { type Mutation, valuesOf } from './mutation.ts';

const config = { loads: true };

/** A store that writes other rows than those of the block. */
function writingBlock(
  change: (row: OnlineRow, at: number, block: WriteBlock) => OnlineRow | undefined,
  changeOptions: (options: WriteOptions | undefined) => WriteOptions | undefined = (options) => options,
) {
  return (store: MemoryOnlineStore): Partial<OnlineStore> => ({
    async writeBlock(table, block, options) {
      const rows = rowsFromWriteBlock(block).flatMap((row, at) => change(row, at, block) ?? []);
      await store.onlineWriteBatch(table, rows, undefined, changeOptions(options));
    },
  });
}

/** A store whose loads do something else. */
function loading(change: (load: TableLoad, rows: TableRows) => Partial<TableLoad>) {
  return (store: MemoryOnlineStore): Partial<OnlineStore> => ({
    async beginLoad(table, options) {
      const load = await store.beginLoad?.(table, options);
      if (load === undefined) throw new TypeError('The correct store has no loads.');
      const rows: TableRows = {
        kept: () => store.tables.get(idOf(table)) ?? new Map(),
        write: (block, newestOnly) => store.onlineWriteBatch(table, copies(block), undefined, { newestOnly }),
      };
      return { ...load, ...change(load, rows) };
    },
  });
}

interface TableRows {
  readonly kept: () => Map<string, unknown>;
  readonly write: (block: WriteBlock, newestOnly: boolean) => Promise<void>;
}

function copies(block: WriteBlock): OnlineRow[] {
  return rowsFromWriteBlock(block).map((row) => ({
    ...row,
    values: new Map([...row.values].map(([name, value]) => [name, value.slice()] as const)),
  }));
}

/** What writing rows in blocks can get wrong. */
const blockMutations: readonly Omit<Mutation, 'caughtBy' | 'config'>[] = [
  {
    name: 'values of a block under the names of the view, in its order',
    mutate: writingBlock((row, _at, { features }) => {
      const names = ['rate', 'trips', 'city'].filter((name) => features.includes(name));
      return { ...row, values: new Map([...row.values.values()].map((value, at) => [names[at] ?? '', value])) };
    }),
  },
  {
    name: 'values of a block moved to the next row',
    mutate: writingBlock((row, at, block) => {
      const values = block.features.map((name, f) => [name, block.valueAt(Math.max(0, at - 1), f)] as const);
      return { ...row, values: new Map(values) };
    }),
  },
  {
    name: 'nulls of a block left out',
    mutate: writingBlock((row) => valuesOf(row, (_name, value) => value.length > 0)),
  },
  {
    name: 'nulls stored for what a block does not name',
    mutate: writingBlock((row) => {
      const nulls = ['rate', 'trips', 'city'].map((name) => [name, new Uint8Array()] as const);
      return { ...row, values: new Map([...nulls, ...row.values]) };
    }),
  },
  {
    name: 'created times of a block for its event times',
    mutate: writingBlock((row) => ({ ...row, eventTimestamp: row.createdTimestamp ?? row.eventTimestamp })),
  },
  {
    name: 'what is beyond 1,024 rows of a block lost',
    mutate: writingBlock((row, at) => (at < 1024 ? row : undefined)),
  },
  {
    name: 'all rows that a block has room for',
    mutate: (store) => ({
      async writeBlock(table, block, options) {
        if (block.rows < block.capacity) throw new TypeError('A row without a key.');
        await store.writeBlock?.(table, block, options);
      },
    }),
  },
  {
    name: 'a block in the memory of the caller',
    mutate: (store) => ({
      async writeBlock(table, block, options) {
        await store.writeBlock?.(table, block, options);
        const kept = [...(store.tables.get(idOf(table))?.values() ?? [])];
        for (const [at, row] of rowsFromWriteBlock(block).entries()) {
          for (const [name, value] of row.values) kept[at]?.values.set(name, value);
        }
      },
    }),
  },
  {
    name: 'a block that is always written newest rows only',
    mutate: writingBlock(
      (row) => row,
      (options) => ({ ...options, newestOnly: true }),
    ),
  },
  {
    name: 'a block written without its newestOnly',
    mutate: writingBlock(
      (row) => row,
      (options) => ({ ...options, newestOnly: false }),
    ),
  },
  {
    name: 'a block written for whoever has left',
    mutate: writingBlock(
      (row) => row,
      (options) => ({ newestOnly: options?.newestOnly === true }),
    ),
  },
];

/** What loads can get wrong. */
const loadMutations: readonly Omit<Mutation, 'caughtBy' | 'config'>[] = [
  {
    name: 'rows of a load shown early',
    mutate: loading((load, rows) => ({
      async write(block, options) {
        await load.write(block, options);
        await rows.write(block, true);
      },
    })),
  },
  {
    name: 'rows of a load shown bit by bit',
    mutate: (store) => ({
      async beginLoad(table) {
        const blocks: OnlineRow[][] = [];
        return {
          write: async (block) => {
            blocks.push(copies(block));
          },
          commit: async () => {
            for (const rows of blocks.splice(0)) {
              await store.onlineWriteBatch(table, rows, undefined, { newestOnly: true });
              await sleep(5);
            }
          },
          abort: async () => {
            blocks.length = 0;
          },
        };
      },
    }),
  },
  {
    name: 'the last block of a load alone',
    mutate: (store) => ({
      async beginLoad(table, options) {
        let last = await store.beginLoad?.(table, options);
        return {
          write: async (block, call) => {
            last = await store.beginLoad?.(table, call);
            await last?.write(block, call);
          },
          commit: async (call) => last?.commit(call),
          abort: async () => last?.abort(),
        };
      },
    }),
  },
  {
    name: 'a load that is older over rows that are newer',
    mutate: (store) => ({
      async beginLoad(table) {
        const rows: OnlineRow[] = [];
        return {
          write: async (block) => {
            rows.push(...copies(block));
          },
          commit: (options) => store.onlineWriteBatch(table, rows.splice(0), undefined, options),
          abort: async () => {
            rows.length = 0;
          },
        };
      },
    }),
  },
  {
    name: 'a load in the place of the whole table',
    mutate: loading((load, rows) => ({
      async commit(options) {
        rows.kept().clear();
        await load.commit(options);
      },
    })),
  },
  {
    name: 'rows lost that others wrote during a load',
    mutate: loading((load, rows) => {
      const before = new Set(rows.kept().keys());
      return {
        async commit(options) {
          const kept = rows.kept();
          for (const key of kept.keys()) if (!before.has(key)) kept.delete(key);
          await load.commit(options);
        },
      };
    }),
  },
  { name: 'a load that cannot be aborted', mutate: loading((load) => ({ abort: () => load.commit() })) },
  {
    name: 'a load that is taken back behind its commit',
    mutate: loading((load, rows) => ({
      async abort() {
        await load.abort();
        rows.kept().clear();
      },
    })),
  },
  {
    name: 'a load that can be aborted once',
    mutate: loading((load) => {
      let isOver = false;
      return {
        async abort() {
          if (isOver) throw new TypeError('It is over.');
          isOver = true;
          await load.abort();
        },
      };
    }),
  },
  {
    name: 'a load that is committed when its store is closed',
    mutate: (store) => {
      const open: TableLoad[] = [];
      return {
        async beginLoad(table, options) {
          const load = await store.beginLoad?.(table, options);
          if (load === undefined) throw new TypeError('The correct store has no loads.');
          open.push(load);
          return load;
        },
        async close() {
          for (const load of open) await load.commit();
          await store.close();
        },
      };
    },
  },
  {
    name: 'a load that takes rows of whoever has left',
    mutate: loading((load) => ({ write: (block) => load.write(block) })),
  },
  {
    name: 'one load at a time',
    mutate: (store) => {
      let last: TableLoad | undefined;
      return {
        async beginLoad(table, options) {
          await last?.abort();
          last = await store.beginLoad?.(table, options);
          if (last === undefined) throw new TypeError('The correct store has no loads.');
          return last;
        },
      };
    },
  },
];

export const loadingMutations: readonly Mutation[] = [
  ...blockMutations.map((mutation) => ({ ...mutation, caughtBy: 'rows in blocks', config })),
  ...loadMutations.map((mutation) => ({ ...mutation, caughtBy: 'loads', config })),
];
