import { idOf } from './memory-online-store.ts';
import type { Mutation } from './mutation.ts';

/** What applying, removing and telling projects apart can get wrong. */
export const tableMutations: readonly Mutation[] = [
  {
    name: 'rows lost when a view is applied again',
    caughtBy: 'apply',
    mutate: (store) => ({
      async update(change, options) {
        await store.update({ ...change, tablesToDelete: change.tablesToKeep }, options);
        await store.update(change, options);
      },
    }),
  },
  {
    name: 'views that went away and stay',
    caughtBy: 'apply',
    mutate: (store) => ({
      update: (change, options) => store.update({ ...change, tablesToDelete: [] }, options),
    }),
  },
  {
    name: 'an error for a view that is not there to be removed',
    caughtBy: 'apply',
    mutate: (store) => ({
      async update(change, options) {
        for (const table of change.tablesToDelete) {
          if (!store.tables.has(idOf(table))) throw new TypeError(`no table ${table.name}`);
        }
        await store.update(change, options);
      },
    }),
  },
  {
    name: 'all views removed with one',
    caughtBy: 'partial updates',
    mutate: (store) => ({
      async update(change, options) {
        if (change.tablesToDelete.length > 0) store.tables.clear();
        await store.update(change, options);
      },
    }),
  },
  {
    name: 'a partial change taken for the whole project',
    caughtBy: 'partial updates',
    mutate: (store) => ({
      async update(change, options) {
        const named = new Set(change.tablesToKeep.map(idOf));
        for (const id of [...store.tables.keys()]) if (!named.has(id)) store.tables.delete(id);
        await store.update(change, options);
      },
    }),
  },
  {
    name: 'everything torn down with something',
    caughtBy: 'teardown',
    mutate: (store) => ({
      async teardown(tables, entities, options) {
        await store.teardown(tables, entities, options);
        store.tables.clear();
      },
    }),
  },
  {
    name: 'a teardown that does nothing',
    caughtBy: 'teardown',
    mutate: (store) => ({ teardown: (_tables, entities, options) => store.teardown([], entities, options) }),
  },
  {
    name: 'an error where there is nothing to tear down',
    caughtBy: 'teardown',
    mutate: (store) => ({
      async teardown(tables, entities, options) {
        for (const table of tables) if (!store.tables.has(idOf(table))) throw new TypeError(`no table ${table.name}`);
        await store.teardown(tables, entities, options);
      },
    }),
  },
  {
    name: "another project's rows",
    caughtBy: 'projects',
    mutate: (store) => ({
      async onlineRead(table, keys, features, options) {
        const own = await store.onlineRead(table, keys, features, options);
        const other = { ...table, project: `${table.project}_2` };
        if (!store.tables.has(idOf(other))) return own;
        return store.onlineRead(other, keys, features, options);
      },
    }),
  },
  {
    name: 'projects torn down by the beginning of their names',
    caughtBy: 'projects',
    mutate: (store) => ({
      async teardown(tables, entities, options) {
        await store.teardown(tables, entities, options);
        for (const { project } of tables) {
          const ids = [...store.tables.keys()].filter((id) => id.startsWith(`["${project}`));
          for (const id of ids) store.tables.delete(id);
        }
      },
    }),
  },
  {
    name: "another project's tables in the list",
    caughtBy: 'inspection',
    mutate: (store) => ({
      listTables: async () => [...store.tables.keys()].map((id) => (JSON.parse(id) as [string, string])[1]),
    }),
  },
  {
    name: 'a sample without a limit',
    caughtBy: 'inspection',
    mutate: (store) => ({
      sampleKeys: (table, _limit, options) => store.sampleKeys(table, Number.POSITIVE_INFINITY, options),
    }),
  },
  {
    name: 'writes of a mirror that are ignored',
    caughtBy: 'declaration',
    mirror: true,
    mutate: () => ({ onlineWriteBatch: async () => {} }),
  },
  {
    name: "a mirror that removes another system's rows",
    caughtBy: 'declaration',
    mirror: true,
    mutate: (store) => ({
      update: (change, options) => store.update(change, options),
    }),
  },
];
