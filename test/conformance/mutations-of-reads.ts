import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type EntityKey,
  type OnlineRow,
  type StoredRow,
  serializeEntityKey,
  ValueSchema,
} from '../../src/stores/index.ts';
import type { MemoryOnlineStore } from './memory-online-store.ts';
import type { Mutation } from './mutation.ts';

type Rows = readonly (StoredRow | undefined)[];

/** A store whose answers are changed before they are given. */
function answering(change: (rows: Rows, keys: readonly EntityKey[], features?: readonly string[]) => Rows) {
  return (store: MemoryOnlineStore): Pick<MemoryOnlineStore, 'onlineRead'> => ({
    async onlineRead(table, keys, features, options) {
      return [...change(await store.onlineRead(table, keys, features, options), keys, features)];
    },
  });
}

/** A store that changes each value that it gives; `undefined` leaves it out. */
function giving(change: (value: Uint8Array) => Uint8Array | undefined) {
  return answering((rows) => {
    return rows.map((row) => {
      if (row === undefined) return undefined;
      const values = [...row.values].flatMap(([name, value]) => {
        const changed = change(value);
        return changed === undefined ? [] : [[name, changed] as const];
      });
      return { ...row, values: new Map(values) };
    });
  });
}

const empty = (row: OnlineRow['values'] = new Map()): StoredRow => {
  return { eventTimestamp: { seconds: 0, nanos: 0 }, values: row };
};
const isNull = (value: Uint8Array): boolean => value.length === 0;
const nullBytes = new Uint8Array();
const zero = toBinary(ValueSchema, create(ValueSchema, { val: { case: 'int64Val', value: 0n } }));
const keyText = (key: EntityKey): string => Buffer.from(serializeEntityKey(key)).toString('hex');

/** What an answer can get wrong. */
export const readMutations: readonly Mutation[] = [
  { name: 'a list that is one row short', caughtBy: 'ordering', mutate: answering((rows) => rows.slice(0, -1)) },
  {
    name: 'a dropped row',
    caughtBy: 'ordering',
    mutate: answering((rows) => rows.map((row, at) => (at === rows.length - 1 && at > 0 ? undefined : row))),
  },
  {
    name: 'missing rows left out of the list',
    caughtBy: 'ordering',
    mutate: answering((rows) => rows.filter((row) => row !== undefined)),
  },
  {
    name: 'swapped rows',
    caughtBy: 'ordering',
    mutate: answering(([first, second, ...rest]) => (rest.length === 0 ? [first, second] : [second, first, ...rest])),
  },
  {
    name: 'rows in the order of the database',
    caughtBy: 'ordering',
    mutate: answering((rows, keys) => {
      const order = keys.map((key, at) => ({ text: keyText(key), row: rows[at] }));
      return order.sort((a, b) => (a.text < b.text ? -1 : 1)).map(({ row }) => row);
    }),
  },
  {
    name: 'a key that is asked for twice answered once',
    caughtBy: 'ordering',
    mutate: answering((rows, keys) => {
      const texts = keys.map(keyText);
      return rows.map((row, at) => (texts.indexOf(keyText(keys[at] as EntityKey)) === at ? row : undefined));
    }),
  },
  {
    name: 'values given to features by their place',
    caughtBy: 'ordering',
    mutate: (store) => ({
      async onlineRead(table, keys, features, options) {
        const names = features ?? table.features.map(({ name }) => name);
        const inOrder = table.features.map(({ name }) => name).filter((name) => names.includes(name));
        const rows = await store.onlineRead(table, keys, inOrder, options);
        return rows.map((row) => {
          if (row === undefined) return undefined;
          return { ...row, values: new Map([...row.values.values()].map((value, at) => [names[at] ?? '', value])) };
        });
      },
    }),
  },
  {
    name: 'a missing row given as an empty one',
    caughtBy: 'missing and null values',
    mutate: answering((rows) => rows.map((row) => row ?? empty())),
  },
  {
    name: 'an empty row given as a missing one',
    caughtBy: 'missing and null values',
    mutate: answering((rows) => rows.map((row) => (row?.values.size === 0 ? undefined : row))),
  },
  {
    name: 'a default for a null',
    caughtBy: 'missing and null values',
    mutate: giving((value) => (isNull(value) ? zero : value)),
  },
  {
    name: 'a null given as a feature that is not stored',
    caughtBy: 'missing and null values',
    mutate: giving((value) => (isNull(value) ? undefined : value)),
  },
  {
    name: 'a feature that is not stored given as a null',
    caughtBy: 'missing and null values',
    mutate: answering((rows, _keys, features = ['rate', 'trips', 'city']) => {
      return rows.map((row) => {
        return row && { ...row, values: new Map(features.map((name) => [name, row.values.get(name) ?? nullBytes])) };
      });
    }),
  },
  {
    name: 'zero taken for a null',
    caughtBy: 'missing and null values',
    mutate: giving((value) => (Buffer.compare(value, zero) === 0 ? nullBytes : value)),
  },
  {
    name: 'all features whatever is asked for',
    caughtBy: 'read',
    mutate: (store) => ({
      onlineRead: (table, keys, _features, options) => store.onlineRead(table, keys, undefined, options),
    }),
  },
  {
    name: 'the first answer given again',
    caughtBy: 'writing again',
    mutate: (store) => {
      const known = new Map<string, Promise<(StoredRow | undefined)[]>>();
      return {
        onlineRead(table, keys, features, options) {
          const id = JSON.stringify([table.name, keys.map(keyText), features]);
          const answer = known.get(id) ?? store.onlineRead(table, keys, features, options);
          known.set(id, answer);
          return answer;
        },
      };
    },
  },
  {
    name: 'rows that are what the store keeps',
    caughtBy: 'read',
    mutate: (store) => {
      const rows = new Map<string, Promise<(StoredRow | undefined)[]>>();
      return {
        onlineRead(table, keys, features, options) {
          const id = JSON.stringify([table.name, keys.map(keyText), features]);
          const answer = rows.get(id) ?? store.onlineRead(table, keys, features, options);
          rows.set(id, answer);
          return answer;
        },
      };
    },
  },
  {
    name: 'event times cut to the second',
    caughtBy: 'write',
    mutate: answering((rows) => {
      return rows.map((row) => row && { ...row, eventTimestamp: { seconds: row.eventTimestamp.seconds, nanos: 0 } });
    }),
  },
  {
    name: 'the TTL of views applied by the store',
    caughtBy: 'expiry',
    mutate: answering((rows) => {
      const oldest = Date.now() / 1000 - 10 * 365 * 86_400;
      return rows.map((row) => ((row?.eventTimestamp.seconds ?? 0) < oldest ? undefined : row));
    }),
  },
  {
    name: 'integers that pass through floating-point numbers',
    caughtBy: 'value types',
    mutate: giving((bytes) => {
      const value = fromBinary(ValueSchema, bytes);
      if (value.val.case !== 'int64Val') return bytes;
      const rounded = BigInt.asIntN(64, BigInt(Number(value.val.value)));
      return toBinary(ValueSchema, create(ValueSchema, { val: { case: 'int64Val', value: rounded } }));
    }),
  },
  {
    name: 'NaN given as a null',
    caughtBy: 'value types',
    mutate: giving((bytes) => {
      const { val } = fromBinary(ValueSchema, bytes);
      return val.case === 'doubleVal' && Number.isNaN(val.value) ? nullBytes : bytes;
    }),
  },
  {
    name: 'values without the parts that this version does not know',
    caughtBy: 'value types',
    mutate: giving((bytes) => {
      return toBinary(ValueSchema, fromBinary(ValueSchema, bytes), { writeUnknownFields: false });
    }),
  },
  {
    name: 'only the first thousand entities',
    caughtBy: 'sizes',
    mutate: answering((rows) => rows.map((row, at) => (at < 1000 ? row : undefined))),
  },
];
