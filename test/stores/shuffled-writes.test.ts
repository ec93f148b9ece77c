import assert from 'node:assert/strict';
import fc from 'fast-check';
import { writeNewest } from '../../src/ingest/write-newest.ts';
import type { OnlineRow, OnlineStore, OnlineTable, StoredRow } from '../../src/stores/online-store.ts';
import { RedisOnlineStore, RedisOnlineStoreConfig } from '../../src/stores/redis/redis-online-store.ts';
import { SqliteOnlineStore, SqliteOnlineStoreConfig } from '../../src/stores/sqlite/sqlite-online-store.ts';
import { MemoryOnlineStore } from '../conformance/memory-online-store.ts';
import { aMoment } from '../conformance/mutation.ts';
import { changedStore } from '../support/changed-store.ts';
import { sharedDynamoServer } from '../support/dynamodb-server.ts';
import { openDynamoStore, useFreshDatabase } from '../support/dynamodb-store.ts';
import { tableWith } from '../support/golden-stores.ts';
import { sharedMysqlServer } from '../support/mysql-server.ts';
import { openMysqlStore } from '../support/mysql-store.ts';
import { sharedPostgresServer } from '../support/postgres-server.ts';
import { openPostgresStore } from '../support/postgres-store.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { ENTITIES, shuffledRows } from '../support/shuffled-rows.ts';
import { changeOf, driverKey, driverRow } from '../support/store-rows.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const SECOND = 1e9;
const MICROSECOND = 1e3;
let tables = 0;

/** How one store takes part. */
interface Participant {
  readonly name: string;
  /** Opens the store once more, on the same storage. */
  readonly open: () => Promise<OnlineStore>;
  /** Nanoseconds between two times that it tells apart. */
  readonly step: number;
  /** Some take long to make a table. */
  readonly runs: number;
  /** It keeps created times, which decide between rows of equal event times as far as it compares itself. */
  readonly createdTimes?: boolean;
  /** What becomes of a row as new as the stored one. */
  readonly equal: 'written' | 'left out';
}

describe('rows that come shuffled, twice, late and from several writers', function () {
  this.timeout(120_000);
  const folder = useTempFolder();
  let redis: RedisServer;

  before(async () => {
    redis = await startRedisServer();
    await (await sharedMysqlServer()).createDatabase('shuffled', 'utf8mb4_bin');
    await (await sharedPostgresServer()).createDatabase('shuffled');
  });

  after(() => redis?.remove());

  useFreshDatabase();

  const openRedis = async (config: object): Promise<OnlineStore> => {
    const parsed = RedisOnlineStoreConfig.parse({ ...config, connection_string: `127.0.0.1:${redis.port}` });
    return new RedisOnlineStore(parsed, context());
  };
  const context = () => ({ project: 'p', repoPath: folder(), warn: () => {} });

  const participants: readonly Participant[] = [
    { name: 'Redis', open: () => openRedis({}), step: MICROSECOND, runs: 40, equal: 'left out' },
    {
      name: 'Redis with skip_dedup',
      open: () => openRedis({ skip_dedup: true }),
      step: MICROSECOND,
      runs: 12,
      equal: 'left out',
    },
    {
      name: 'SQLite',
      open: async () => new SqliteOnlineStore(SqliteOnlineStoreConfig.parse({ path: 'online.db' }), context()),
      step: SECOND,
      runs: 40,
      createdTimes: true,
      equal: 'written',
    },
    {
      name: 'MySQL',
      open: async () => openMysqlStore({ server: await sharedMysqlServer(), database: 'shuffled' }),
      step: SECOND,
      runs: 12,
      createdTimes: true,
      equal: 'written',
    },
    {
      name: 'PostgreSQL',
      open: async () => openPostgresStore({ server: await sharedPostgresServer(), database: 'shuffled' }),
      step: MICROSECOND,
      runs: 12,
      createdTimes: true,
      equal: 'written',
    },
    {
      name: 'DynamoDB',
      open: async () => openDynamoStore((await sharedDynamoServer()).url),
      step: MICROSECOND,
      runs: 12,
      equal: 'written',
    },
    { name: 'a store without newestOnly', open: async () => slowStore(folder()), step: 1, runs: 40, equal: 'written' },
  ];

  for (const { name, open, step, runs, equal, createdTimes = false } of participants) {
    describe(`in ${name}`, () => {
      const opened: OnlineStore[] = [];

      afterEach(async () => {
        await Promise.all(opened.splice(0).map((store) => store.close()));
      });

      const openAnother = async (): Promise<OnlineStore> => {
        const store = await open();
        opened.push(store);
        return store;
      };

      /** Two tables of the same form, empty. */
      const freshTables = async (store: OnlineStore): Promise<readonly [OnlineTable, OnlineTable]> => {
        tables += 1;
        const pair = ['mixed', 'ordered'].map((kind) => tableWith('p', `${kind}_${tables}`, ['driver_id'], ['a', 'b']));
        await store.update(changeOf({ tablesToKeep: pair }));
        const [mixed, ordered] = pair;
        assert.ok(mixed && ordered);
        return [mixed, ordered];
      };

      it('leave what the ordered ones leave', async () => {
        const stores: OnlineStore[] = [];
        for (let n = 0; n < 4; n++) stores.push(await openAnother());
        const [store] = stores;
        assert.ok(store);
        const [mixed, reference] = await freshTables(store);
        let firstId = 0;
        const createdDecides = createdTimes && store.capabilities.newestOnly === true;
        await fc.assert(
          fc.asyncProperty(shuffledRows({ step, createdDecides }), async ({ newest, ordered, writers }) => {
            // Entities that nobody has written before: making tables takes some databases long.
            firstId += ENTITIES;
            const keys = Array.from({ length: ENTITIES }, (_, at) => driverKey(firstId + at));
            const ofRun = (row: OnlineRow): OnlineRow => ({ ...row, entityKey: driverKey(firstId + idOf(row) - 1) });
            await Promise.all(
              writers.map(async (batches, n) => {
                for (const batch of batches) await writeNewest(stores[n] ?? store, mixed, batch.map(ofRun));
              }),
            );
            await store.onlineWriteBatch(reference, ordered.map(ofRun));
            const actual = (await store.onlineRead(mixed, keys)).map(plain);
            assert.deepEqual(actual, (await store.onlineRead(reference, keys)).map(plain));
            const wanted = new Map(newest.map((row) => [idOf(row), row]));
            assert.deepEqual(
              actual,
              keys.map((_, at) => plain(wanted.get(at + 1))),
            );
          }),
          { numRuns: runs, endOnFailure: true },
        );
      });

      it(`leave a row that is as new as the stored one ${equal}`, async () => {
        const store = await openAnother();
        const [table] = await freshTables(store);
        const within = (nanos: number, value: number): OnlineRow => ({
          ...driverRow(1, 0, { a: value, b: value }),
          eventTimestamp: { seconds: 1_768_032_000, nanos },
        });
        // The storage cannot tell these times apart, although the second one is older.
        const late = Math.floor(step * 0.9);
        const early = Math.floor(step * 0.1);
        await writeNewest(store, table, [within(late, 1)]);
        await writeNewest(store, table, [within(early, 2)]);
        const [row] = await store.onlineRead(table, [driverKey(1)]);
        const expected = within(0, equal === 'written' ? 2 : 1);
        assert.deepEqual(plain(row), plain(expected));
      });
    });
  }
});

/** A store as simple as its author could make it, in which much happens between a read and the write behind it. */
function slowStore(name: string): OnlineStore {
  const store = new MemoryOnlineStore({ name, keepsNewest: false, ttlSeconds: undefined, down: false });
  return changedStore(store, {
    onlineRead: async (...args) => {
      const rows = await store.onlineRead(...args);
      await aMoment();
      return rows;
    },
    onlineWriteBatch: async (...args) => {
      await aMoment();
      await store.onlineWriteBatch(...args);
    },
  });
}

function plain(row: OnlineRow | StoredRow | undefined): unknown {
  if (row === undefined) return undefined;
  const { seconds, nanos } = row.eventTimestamp;
  const values = [...row.values].map(([name, value]) => [name, Buffer.from(value).toString('hex')] as const);
  return { time: `${seconds} s ${nanos} ns`, ...Object.fromEntries(values.sort(([a], [b]) => (a < b ? -1 : 1))) };
}

function idOf({ entityKey }: OnlineRow): number {
  return Number(entityKey.entityValues[0]?.val.value);
}
