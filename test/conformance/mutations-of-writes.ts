import { create } from '@bufbuild/protobuf';
import {
  type EntityKey,
  EntityKeySchema,
  type OnlineRow,
  type OnlineTable,
  ValueSchema,
} from '../../src/stores/index.ts';
import { idOf, type MemoryOnlineStore } from './memory-online-store.ts';
import { aMoment, type Mutation } from './mutation.ts';

/** A store that changes what it is given to write. */
function writing(
  change: (rows: readonly OnlineRow[], store: MemoryOnlineStore, table: OnlineTable) => readonly OnlineRow[],
) {
  return (store: MemoryOnlineStore): Pick<MemoryOnlineStore, 'onlineWriteBatch'> => ({
    async onlineWriteBatch(table, rows, progress, options) {
      await store.onlineWriteBatch(table, change(rows, store, table), progress, options);
    },
  });
}

/** A store that writes and reads under other keys. */
function under(change: (key: EntityKey) => EntityKey) {
  return (store: MemoryOnlineStore): Pick<MemoryOnlineStore, 'onlineWriteBatch' | 'onlineRead'> => ({
    async onlineWriteBatch(table, rows, progress, options) {
      const changed = rows.map((row) => ({ ...row, entityKey: change(row.entityKey) }));
      await store.onlineWriteBatch(table, changed, progress, options);
    },
    onlineRead: (table, keys, features, options) => store.onlineRead(table, keys.map(change), features, options),
  });
}

/** The same key with its values as text. */
function asText(key: EntityKey, text: (values: readonly string[]) => readonly string[]): EntityKey {
  const values = key.entityValues.map(({ val }) => {
    return val.value instanceof Uint8Array ? Buffer.from(val.value).toString() : String(val.value);
  });
  const entityValues = text(values).map((value) => create(ValueSchema, { val: { case: 'stringVal', value } }));
  return create(EntityKeySchema, { joinKeys: key.joinKeys.slice(0, entityValues.length), entityValues });
}

/** What a write can get wrong. */
export const writeMutations: readonly Mutation[] = [
  {
    name: 'the last row of a batch lost',
    caughtBy: 'ordering',
    mutate: writing((rows) => rows.slice(0, rows.length > 1 ? -1 : 1)),
  },
  {
    name: 'what is beyond 1,000 rows of a batch lost',
    caughtBy: 'sizes',
    mutate: writing((rows) => rows.slice(0, 1000)),
  },
  {
    name: 'the created time stored as the event time',
    caughtBy: 'write',
    mutate: writing((rows) => {
      return rows.map((row) => ({ ...row, eventTimestamp: row.createdTimestamp ?? row.eventTimestamp }));
    }),
  },
  {
    name: 'writes that are done later than they say',
    caughtBy: 'write',
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress) {
        void aMoment().then(() => store.onlineWriteBatch(table, rows, progress).catch(() => {}));
      },
    }),
  },
  {
    name: 'values kept in the memory of the caller',
    caughtBy: 'write',
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress, options) {
        await store.onlineWriteBatch(table, rows, progress, options);
        const kept = [...(store.tables.get(idOf(table))?.values() ?? [])];
        for (const row of rows) {
          for (const [name, value] of row.values) kept.at(-1)?.values.set(name, value);
        }
      },
    }),
  },
  {
    name: 'progress that is never told',
    caughtBy: 'write',
    mutate: (store) => ({
      onlineWriteBatch: (table, rows, _progress, options) => store.onlineWriteBatch(table, rows, undefined, options),
    }),
  },
  {
    name: 'values cut off at 64 KiB',
    caughtBy: 'sizes',
    mutate: writing((rows) => {
      return rows.map((row) => {
        const values = [...row.values].map(([name, value]) => [name, value.slice(0, 1 << 16)] as const);
        return { ...row, values: new Map(values) };
      });
    }),
  },
  {
    name: 'lost dedup: an older row over a newer one',
    caughtBy: 'writing again',
    config: { keepsNewest: true },
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress, options) {
        for (const kept of store.tables.get(idOf(table))?.values() ?? []) kept.time = { seconds: 0, nanos: 0 };
        await store.onlineWriteBatch(table, rows, progress, options);
      },
    }),
  },
  {
    name: 'lost dedup inside a batch',
    caughtBy: 'writing again',
    config: { keepsNewest: true },
    mutate: writing((rows) => {
      const last = new Map(rows.map((row) => [JSON.stringify(row.entityKey.entityValues, bigints), row]));
      return [...last.values()];
    }),
  },
  {
    name: 'dedup that was not declared',
    caughtBy: 'writing again',
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress, options) {
        const newest = rows.toSorted((a, b) => a.eventTimestamp.seconds - b.eventTimestamp.seconds);
        const known = await store.onlineRead(
          table,
          newest.map((row) => row.entityKey),
          undefined,
          options,
        );
        const wanted = newest.filter((row, at) => {
          return (known[at]?.eventTimestamp.seconds ?? 0) <= row.eventTimestamp.seconds;
        });
        await store.onlineWriteBatch(table, wanted, progress, options);
      },
    }),
  },
  {
    name: 'dedup by entity across views',
    caughtBy: 'writing again',
    config: { keepsNewest: true },
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress, options) {
        const times = [...store.tables].flatMap(([id, kept]) => {
          const isOther = id !== idOf(table) && id.startsWith(JSON.stringify([table.project]).slice(0, -1));
          return isOther ? [...kept.values()].map((row) => row.time.seconds) : [];
        });
        const newest = Math.max(0, ...times);
        const wanted = rows.filter((row) => row.eventTimestamp.seconds >= newest);
        await store.onlineWriteBatch(table, wanted, progress, options);
      },
    }),
  },
  {
    name: 'rows replaced where features should stay',
    caughtBy: 'writing again',
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress, options) {
        for (const kept of rows.length === 1 ? (store.tables.get(idOf(table))?.values() ?? []) : [])
          kept.values.clear();
        await store.onlineWriteBatch(table, rows, progress, options);
      },
    }),
  },
  {
    name: 'writers that undo each other',
    caughtBy: 'concurrency',
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress, options) {
        const before = new Map(store.tables.get(idOf(table)));
        await aMoment();
        const kept = store.tables.get(idOf(table));
        if (kept === undefined) return;
        kept.clear();
        for (const [key, row] of before) kept.set(key, row);
        await store.onlineWriteBatch(table, rows, progress, options);
      },
    }),
  },
  {
    name: 'rows of two writers mixed',
    caughtBy: 'concurrency',
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress, options) {
        const part = (pick: (name: string) => boolean) => {
          return rows.map((row) => ({ ...row, values: new Map([...row.values].filter(([name]) => pick(name))) }));
        };
        await store.onlineWriteBatch(
          table,
          part((name) => name !== 'city'),
          progress,
          options,
        );
        // The later of two goes faster with the rest.
        for (let wait = (rows[0]?.eventTimestamp.seconds ?? 0) % 10; wait < 10; wait++) await aMoment();
        await store.onlineWriteBatch(
          table,
          part((name) => name === 'city'),
          undefined,
          options,
        );
      },
    }),
  },
  {
    name: 'keys cut off at 255 characters',
    caughtBy: 'names and keys',
    mutate: under((key) => asText(key, (values) => values.map((value) => value.slice(0, 255)))),
  },
  {
    name: 'keys whose type is forgotten',
    caughtBy: 'names and keys',
    mutate: under((key) => asText(key, (values) => values)),
  },
  {
    name: 'parts of keys joined without a border',
    caughtBy: 'names and keys',
    mutate: under((key) => asText(key, (values) => [values.join('')])),
  },
  {
    name: 'keys in lower case',
    caughtBy: 'names and keys',
    mutate: under((key) => asText(key, (values) => values.map((value) => value.toLowerCase()))),
  },
  {
    name: 'keys without blanks at their ends',
    caughtBy: 'names and keys',
    mutate: under((key) => asText(key, (values) => values.map((value) => value.trimEnd()))),
  },
  {
    name: 'ignored TTL',
    caughtBy: 'expiry',
    config: { ttlSeconds: 1 },
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress, options) {
        await store.onlineWriteBatch(table, rows, progress, options);
        for (const kept of store.tables.get(idOf(table))?.values() ?? []) kept.expires = Number.POSITIVE_INFINITY;
      },
    }),
  },
  {
    name: 'a TTL that begins with the first row',
    caughtBy: 'expiry',
    config: { ttlSeconds: 1 },
    mutate: (store) => ({
      async onlineWriteBatch(table, rows, progress, options) {
        const kept = store.tables.get(idOf(table));
        const before = new Map([...(kept ?? [])].map(([key, row]) => [key, row.expires]));
        await store.onlineWriteBatch(table, rows, progress, options);
        for (const [key, row] of kept ?? []) row.expires = before.get(key) ?? row.expires;
      },
    }),
  },
];

function bigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
