import assert from 'node:assert/strict';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import type { OnlinePushOptions } from '../../../src/ingest/push/online-push.ts';
import type { OnlineStore } from '../../../src/stores/online-store.ts';
import { onlineTableFromView } from '../../../src/stores/online-table.ts';
import { RedisOnlineStore, RedisOnlineStoreConfig } from '../../../src/stores/redis/redis-online-store.ts';
import { SqliteOnlineStore, SqliteOnlineStoreConfig } from '../../../src/stores/sqlite/sqlite-online-store.ts';
import { StoreError } from '../../../src/stores/store-error.ts';
import { changedStore } from '../../support/changed-store.ts';
import { codeOf, createTables, pushInto, thing, writeRequest } from '../../support/push-project.ts';
import { pushedSnapshot } from '../../support/push-registry.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

const features = { n: ValueType_Enum.INT64 };
const snapshot = pushedSnapshot([
  { name: 'counts', features },
  { name: 'others', features },
]);
const view = snapshot.views.get('counts');
assert.ok(view);
const table = onlineTableFromView(view, 'p', 0);

const openers: Readonly<Record<string, (server: RedisServer, folder: string) => OnlineStore>> = {
  redis: ({ port }, folder) =>
    new RedisOnlineStore(RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${port}` }), context(folder)),
  sqlite: (_, folder) => new SqliteOnlineStore(SqliteOnlineStoreConfig.parse({ path: 'o.db' }), context(folder)),
};

for (const [name, open] of Object.entries(openers)) {
  describe(`pushes at the same time, into ${name}`, () => {
    const folder = useTempFolder();
    let server: RedisServer;
    let real: OnlineStore;
    /** Rows of each call of the store, in order. */
    let calls: number[];
    /** Calls of the store wait for it. */
    let gate: Promise<void>;
    let release: () => void;

    before(async () => {
      server = await startRedisServer();
    });

    after(() => server?.remove());

    beforeEach(async () => {
      await server.client.flushall();
      real = open(server, folder());
      await createTables(real, snapshot);
      calls = [];
      gate = new Promise((resolve) => {
        release = resolve;
      });
    });

    afterEach(() => real.close());

    /** The real store, whose calls are counted and wait for the gate; rows of thing 4711 are none that it can hold. */
    const watched = (options: Partial<OnlinePushOptions> = {}) => {
      const store = changedStore(real, {
        async onlineWriteBatch(target, rows, progress, call) {
          calls.push(rows.length);
          await gate;
          if (rows.some(({ entityKey }) => entityKey.entityValues[0]?.val.value === 4711n)) {
            throw new StoreError('STORE_INVALID_ROW', 'The row cannot be stored.');
          }
          await real.onlineWriteBatch(target, rows, progress, call);
        },
      });
      return pushInto(store, snapshot, options);
    };

    it('are gathered behind those that are under way', async () => {
      const push = watched();
      const first = push.writeToOnlineStore(row(1, 1));
      await turns();
      assert.deepEqual(calls, [1]);
      const more = Array.from({ length: 99 }, (_, n) => push.writeToOnlineStore(row(n + 2, 1)));
      await turns();
      assert.deepEqual(calls, [1]);
      release();
      await Promise.all([first, ...more]);
      assert.deepEqual(calls, [1, 99]);
      assert.deepEqual(await stored(1, 50, 100), [1, 1, 1]);
    });

    it('are written in as many calls as their rows and bytes need', async () => {
      const push = watched({ batch: { maxRows: 10, maxBytes: 1_000_000 } });
      const pushes = Array.from({ length: 26 }, (_, n) => push.writeToOnlineStore(row(n + 20, 1)));
      release();
      await Promise.all(pushes);
      assert.deepEqual(calls, [10, 10, 6]);
      calls = [];
      const small = watched({ batch: { maxRows: 1_000, maxBytes: 3 * row(20, 1).length } });
      await Promise.all(Array.from({ length: 8 }, (_, n) => small.writeToOnlineStore(row(n + 20, 2))));
      assert.deepEqual(calls, [3, 3, 2]);
    });

    it('that come in one turn are written together', async () => {
      const push = watched();
      release();
      await Promise.all(Array.from({ length: 16 }, (_, n) => push.writeToOnlineStore(row(n + 1, 1))));
      assert.deepEqual(calls, [16]);
    });

    it('to other tables do not wait', async () => {
      const push = watched();
      const pushes = [push.writeToOnlineStore(row(1, 1)), push.writeToOnlineStore(row(1, 1, 'others'))];
      await turns();
      assert.deepEqual(calls, [1, 1]);
      release();
      await Promise.all(pushes);
    });

    it('have outcomes of their own: what the store cannot hold fails for its caller alone', async () => {
      const push = watched();
      const pushes = [11, 12, 4711, 14].map((id) => push.writeToOnlineStore(row(id, 1)));
      release();
      const outcomes = await Promise.allSettled(pushes);
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
      );
      assert.deepEqual(calls, [4, 1, 1, 1, 1]);
      assert.deepEqual(await stored(11, 12, 4711, 14), [1, 1, undefined, 1]);
    });

    it('of shuffled times leave the newest', async () => {
      const push = pushInto(real, snapshot);
      const random = createSeededRandom(7);
      const times = Array.from({ length: 200 }, (_, n) => n + 1).sort(() => random(3) - 1);
      await Promise.all(times.map((time) => push.writeToOnlineStore(row(1, time))));
      assert.deepEqual(await stored(1), [200]);
    });

    it('are dropped where their caller goes away before their turn, and nobody else is hurt', async () => {
      const push = watched();
      const first = push.writeToOnlineStore(row(1, 1));
      await turns();
      const caller = new AbortController();
      const left = codeOf(push.writeToOnlineStore(row(2, 1), { signal: caller.signal }));
      const stays = push.writeToOnlineStore(row(3, 1));
      caller.abort();
      release();
      await Promise.all([first, stays]);
      assert.equal(await left, 'DEADLINE_EXCEEDED');
      assert.deepEqual(calls, [1, 1]);
      assert.deepEqual(await stored(1, 2, 3), [1, undefined, 1]);
    });

    it('are refused at their own deadline, in the queue and in the call of the store', async () => {
      const push = watched();
      const soon = { deadline: Date.now() + 30 };
      const later = { deadline: Date.now() + 60_000 };
      const first = push.writeToOnlineStore(row(1, 1), later);
      await turns();
      const waiting = push.writeToOnlineStore(row(2, 1), soon);
      assert.equal(await codeOf(waiting), 'DEADLINE_EXCEEDED');
      const short = codeOf(push.writeToOnlineStore(row(3, 1), { deadline: Date.now() + 60 }));
      const long = push.writeToOnlineStore(row(4, 1), later);
      release();
      gate = new Promise((resolve) => {
        release = resolve;
      });
      await first;
      assert.equal(await short, 'DEADLINE_EXCEEDED');
      release();
      await long;
      assert.deepEqual(await stored(1, 2, 4), [1, undefined, 1]);
    });

    it('are refused beyond the bound, at once, and taken again when there is room', async () => {
      const push = watched({ pending: { maxRows: 5, maxBytes: 1_000_000 } });
      const pushes = [1, 2, 3, 4, 5].map((id) => push.writeToOnlineStore(row(id, 1)));
      await assert.rejects(push.writeToOnlineStore(row(6, 1)), {
        code: 'INGEST_OVERLOADED',
        kind: 'resource_exhausted',
      });
      release();
      await Promise.all(pushes);
      await push.writeToOnlineStore(row(6, 1));
      assert.deepEqual(await stored(5, 6), [1, 1]);
      const bytes = watched({ pending: { maxRows: 100, maxBytes: 2 * row(1, 1).length } });
      const outcomes = await Promise.allSettled([7, 8, 9].map((id) => bytes.writeToOnlineStore(row(id, 1))));
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected'],
      );
    });

    it('that wait no longer make room for others', async () => {
      const push = watched({ pending: { maxRows: 2, maxBytes: 1_000_000 } });
      const first = push.writeToOnlineStore(row(1, 1));
      await turns();
      const caller = new AbortController();
      const left = codeOf(push.writeToOnlineStore(row(2, 1), { signal: caller.signal }));
      assert.equal(await codeOf(push.writeToOnlineStore(row(3, 1))), 'INGEST_OVERLOADED');
      caller.abort();
      const next = push.writeToOnlineStore(row(3, 1));
      assert.equal(await left, 'DEADLINE_EXCEEDED');
      release();
      await Promise.all([first, next]);
      assert.deepEqual(await stored(1, 2, 3), [1, undefined, 1]);
    });

    /** What things hold: the value of `n`. */
    async function stored(...ids: readonly number[]): Promise<(number | undefined)[]> {
      const rows = await real.onlineRead(table, ids.map(thing));
      return rows.map((each) => {
        const value = each?.values.get('n');
        if (value === undefined) return undefined;
        return Number(BigInt(value.at(1) ?? 0) & 0x7fn) + (value.length > 2 ? 128 * (value.at(2) ?? 0) : 0);
      });
    }
  });
}

/** A push of thing `id` whose value is its time. */
function row(id: number, time: number, view = 'counts'): Uint8Array {
  const at = new Date(Date.UTC(2026, 0, 1) + time * 1000).toISOString();
  return writeRequest(view, { id: String(id), event_timestamp: at, n: String(time) });
}

/** Lets everything run that waits for nothing. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function context(repoPath: string) {
  return { project: 'p', repoPath, warn: () => {} };
}
