import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { CallOptions, OnlineStore } from '../../src/stores/online-store.ts';
import { StoreError } from '../../src/stores/store-error.ts';
import { tableWith } from './golden-stores.ts';
import { countOpenResources } from './open-resources.ts';
import { findFreePort } from './redis-server.ts';
import type { ServerProcess } from './server-process.ts';
import { type SlicingProxy, startSlicingProxy } from './slicing-proxy.ts';
import { outcomeOf, startLoad, succeedsWithin, waitUntil } from './store-load.ts';
import { changeOf, driverKey, driverRow, int64Bytes, storeErrorOf } from './store-rows.ts';

export interface SqlServerUnderTest extends ServerProcess {
  readonly port: number;
  remove(): Promise<void>;
}

export interface SqlFaultHarness<Server extends SqlServerUnderTest> {
  /** A server of these tests' own, with room for `maxConnections`. */
  startServer(maxConnections: number): Promise<Server>;
  /** @param options what differs from a small pool on the server's database: the same names for both stores */
  open(port: number, options?: SqlFaultOptions): OnlineStore;
  /** Connections that the server has for the store's user. */
  countConnections(server: Server): Promise<number>;
  /** Ends these connections on the server. */
  endConnections(server: Server): Promise<void>;
  /** Holds as many connections as the server gives, until the function that it returns is called. */
  takeAllConnections(server: Server): Promise<() => Promise<void>>;
  readonly password: string;
}

export interface SqlFaultOptions {
  readonly maxConnections?: number;
  readonly password?: string;
  readonly database?: string;
  readonly user?: string;
  /** `sideboard.<store>` */
  readonly settings?: object;
}

const DRIVERS = 50;
const MAX_CONNECTIONS = 4;
const table = tableWith('p', 'stats', ['driver_id'], ['trips', 'same']);
const keys = Array.from({ length: DRIVERS }, (_, id) => driverKey(id));

/** What a store on a database server has to do when the server, or what lies between, fails. */
export function describeSqlFaults<Server extends SqlServerUnderTest>(
  name: string,
  harness: SqlFaultHarness<Server>,
): void {
  describe(`the ${name} store in trouble`, function () {
    this.timeout(60_000);
    let server: Server;
    let store: OnlineStore;
    let proxy: SlicingProxy | undefined;

    before(async () => {
      server = await harness.startServer(20);
      const writer = harness.open(server.port);
      await writer.update(changeOf({ tablesToKeep: [table] }));
      await writer.onlineWriteBatch(
        table,
        keys.map((_, id) => driverRow(id, 1000 + id, { trips: id, same: id })),
      );
      await writer.close();
    });

    after(() => server?.remove());

    afterEach(async () => {
      await store?.close();
      await proxy?.close();
      proxy = undefined;
    });

    const open = (options: SqlFaultOptions = {}, port = server.port): OnlineStore => {
      // Where a test is not about them, limits leave time to a machine that does other things as well.
      const settings = { read_timeout_ms: 5000, acquire_timeout_ms: 5000, ...options.settings };
      store = harness.open(port, { maxConnections: MAX_CONNECTIONS, ...options, settings });
      return store;
    };

    /** Reads all drivers and looks whether every one is right. */
    const read = async (options?: CallOptions): Promise<void> => {
      const rows = await store.onlineRead(table, keys, undefined, options);
      for (const [id, row] of rows.entries()) {
        assert.equal(row?.eventTimestamp.seconds, 1000 + id);
        for (const feature of ['trips', 'same']) {
          assert.deepEqual(Buffer.from(row?.values.get(feature) ?? []), Buffer.from(int64Bytes(id)));
        }
      }
    };

    describe('of the server', () => {
      it('says at once that the server is down, and finds it when it comes', async () => {
        await server.kill();
        open();
        for (let call = 0; call < 3; call++) {
          const started = Date.now();
          const error = await storeErrorOf(read(), 'STORE_UNAVAILABLE');
          assert.match(error.describe(), /127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)/);
          assert.ok(Date.now() - started < 1000);
        }
        await server.start();
        await succeedsWithin(2000, read);
      });

      it('fails with a code while the server is killed under load, and serves within two seconds of its return', async () => {
        open();
        const load = startLoad(20, (options) => read(options));
        await waitUntil(() => load.served > 50);
        await server.kill();
        await waitUntil(() => load.failed > 50);
        await server.start();
        await succeedsWithin(2000, read);
        const { served } = load;
        await waitUntil(() => load.served > served + 50);
        await load.stop();
        assert.deepEqual(
          [...load.codes].filter((code) => !['STORE_UNAVAILABLE', 'STORE_TIMEOUT', 'STORE_OVERLOADED'].includes(code)),
          [],
        );
        assert.ok((await harness.countConnections(server)) <= MAX_CONNECTIONS);
      });

      it('keeps or loses a batch as a whole when the server is killed under it', async () => {
        open();
        const rows = Array.from({ length: 3000 }, (_, id) => driverRow(100 + id, 5000, { trips: 1, same: 1 }));
        const writing = store.onlineWriteBatch(table, rows).catch((error: unknown) => error);
        await sleep(30);
        await server.kill();
        const outcome = await writing;
        assert.ok(outcome === undefined || outcome instanceof StoreError, String(outcome));
        await server.start();
        await succeedsWithin(2000, read);
        const stored = await store.onlineRead(
          table,
          rows.map((row) => row.entityKey),
        );
        const found = stored.filter((row) => row !== undefined).length;
        assert.ok(found === 0 || found === rows.length, `${found} of ${rows.length} rows`);
        for (const row of stored) if (row !== undefined) assert.equal(row.values.size, 2);
      });

      it('does not show a caller that connections were lost while the server is there', async () => {
        open();
        for (let round = 0; round < 10; round++) {
          await Promise.all(Array.from({ length: MAX_CONNECTIONS }, () => read()));
          await harness.endConnections(server);
          await Promise.all([read(), read()]);
        }
      });

      it('gives no slot to a server that stands still, and serves within two seconds of its return', async () => {
        open({ settings: { read_timeout_ms: 300, acquire_timeout_ms: 300, connect_timeout_ms: 1000 } });
        await Promise.all(Array.from({ length: MAX_CONNECTIONS }, () => read()));
        server.pause();
        try {
          const started = Date.now();
          await storeErrorOf(read({ deadline: Date.now() + 100 }), 'STORE_TIMEOUT');
          assert.ok(Date.now() - started < 1000);
          const load = startLoad(10, (options) => read(options));
          await waitUntil(() => load.failed > 30);
          await load.stop();
          assert.equal(load.served, 0);
          assert.deepEqual(
            [...load.codes].filter((code) => !['STORE_TIMEOUT', 'STORE_OVERLOADED'].includes(code)),
            [],
          );
        } finally {
          server.resume();
        }
        await succeedsWithin(2000, read);
        // The server sees one by one that its old connections are gone.
        await succeedsWithin(5000, async () => {
          assert.ok((await harness.countConnections(server)) <= MAX_CONNECTIONS);
        });
      });

      it('refuses what exceeds the bound while calls wait', async () => {
        open({ settings: { max_waiting_calls: 5, read_timeout_ms: 2000, acquire_timeout_ms: 400 } });
        await Promise.all(Array.from({ length: MAX_CONNECTIONS }, () => read()));
        server.pause();
        try {
          const outcomes = await Promise.all(Array.from({ length: MAX_CONNECTIONS + 8 }, () => outcomeOf(read())));
          const count = (wanted: string): number => outcomes.filter((code) => code === wanted).length;
          // A connection may still have been opening when the server stopped.
          assert.ok(count('STORE_OVERLOADED') >= 8, outcomes.join());
          assert.ok(count('STORE_TIMEOUT') > 0, outcomes.join());
          assert.equal(count('STORE_OVERLOADED') + count('STORE_TIMEOUT'), outcomes.length, outcomes.join());
        } finally {
          server.resume();
        }
        await succeedsWithin(2000, read);
      });

      it('says that the server takes no more connections, and serves when it does', async () => {
        const release = await harness.takeAllConnections(server);
        try {
          open();
          const error = await storeErrorOf(read(), 'STORE_OVERLOADED');
          assert.match(error.describe(), /takes no more connections/);
        } finally {
          await release();
        }
        await succeedsWithin(2000, read);
      });

      it('goes on with the connections that it has when the server takes no more', async () => {
        open();
        await read();
        const release = await harness.takeAllConnections(server);
        try {
          await Promise.all(Array.from({ length: 10 }, () => read()));
        } finally {
          await release();
        }
      });
    });

    describe('of what lies between', () => {
      it('reads replies in slices of any size', async () => {
        let size = 0;
        proxy = await startSlicingProxy({ targetPort: server.port, pieceBytes: () => (size++ % 700) + 1 });
        open({}, proxy.port);
        await Promise.all(Array.from({ length: 10 }, () => read()));
        assert.ok(proxy.pieces > 50);
      });

      it('gives a right answer or a code when replies are cut off anywhere', async () => {
        let cut = 1;
        proxy = await startSlicingProxy({
          targetPort: server.port,
          pieceBytes: () => 4096,
          cutAfterBytes: () => {
            cut = cut < 6000 ? Math.ceil(cut * 1.15) : Number.POSITIVE_INFINITY;
            return cut;
          },
        });
        open({}, proxy.port);
        const outcomes = new Set<string>();
        // Far enough to leave one connection whole.
        while (cut !== Number.POSITIVE_INFINITY) outcomes.add(await outcomeOf(read()));
        await succeedsWithin(2000, read);
        outcomes.delete('ok');
        assert.deepEqual([...outcomes], ['STORE_UNAVAILABLE']);
        assert.ok(proxy.cuts > 20);
        assert.ok((await harness.countConnections(server)) <= MAX_CONNECTIONS);
      });

      it('keeps a deadline when replies are slow, and the connection where they come soon after', async () => {
        let slow = false;
        proxy = await startSlicingProxy({
          targetPort: server.port,
          pieceBytes: () => 2048,
          pauseMs: () => (slow ? 20 : 0),
        });
        open({ maxConnections: 1 }, proxy.port);
        await read();
        slow = true;
        await storeErrorOf(read({ deadline: Date.now() + 5 }), 'STORE_TIMEOUT');
        const caller = new AbortController();
        setTimeout(() => caller.abort(), 5);
        await storeErrorOf(read({ signal: caller.signal }), 'STORE_TIMEOUT');
        slow = false;
        await read();
      });
    });

    describe('of credentials and names', () => {
      it('says that the password is wrong, and never shows it', async () => {
        open({ password: 'open-sesame-4711' });
        const error = await storeErrorOf(read(), 'STORE_AUTH_FAILED');
        assert.match(error.describe(), /refused the user or the password/);
        assert.doesNotMatch(inspect(error, { depth: 10 }) + JSON.stringify(error), /open-sesame-4711/);
        assert.equal(inspect(store, { depth: 10, showHidden: true }).includes(harness.password), false);
      });

      it('says that there is no such database', async () => {
        open({ database: 'nowhere' });
        const error = await storeErrorOf(read(), 'STORE_WRONG_LAYOUT');
        assert.match(error.describe(), /has no database "nowhere"/);
      });

      it('says which table is missing and how to make it', async () => {
        open();
        const missing = tableWith('p', 'never_applied', ['driver_id'], ['trips']);
        for (const call of [
          () => store.onlineRead(missing, [driverKey(1)]),
          () => store.onlineWriteBatch(missing, [driverRow(1, 1, { trips: 1 })]),
          () => store.sampleKeys?.(missing, 5),
        ]) {
          const error = await storeErrorOf(Promise.resolve(call()), 'STORE_TABLE_MISSING');
          assert.match(error.describe(), /p_never_applied.*sideboard apply/s);
        }
      });

      it('says that a name does not resolve, or that nobody listens', async () => {
        open({}, await findFreePort());
        await storeErrorOf(store.ping(), 'STORE_UNAVAILABLE');
      });
    });

    describe('of its own', () => {
      it('opens no more connections than it may, and closes those that are not used', async () => {
        open({ settings: { idle_timeout_ms: 50, read_timeout_ms: 10_000, acquire_timeout_ms: 10_000 } });
        const load = startLoad(30, () => read());
        await waitUntil(() => load.served > 60);
        assert.equal(await harness.countConnections(server), MAX_CONNECTIONS);
        await load.stop();
        assert.deepEqual([...load.codes], []);
        await succeedsWithin(3000, async () => assert.equal(await harness.countConnections(server), 1));
        await store.close();
        await succeedsWithin(3000, async () => assert.equal(await harness.countConnections(server), 0));
      });

      it('leaves nothing open behind, also with calls under way', async () => {
        const before = countOpenResources().sockets;
        open();
        await read();
        const calls = Array.from({ length: 10 }, () => outcomeOf(read()));
        await store.close();
        for (const code of await Promise.all(calls)) {
          assert.ok(['ok', 'STORE_CLOSED', 'STORE_UNAVAILABLE'].includes(code), code);
        }
        await succeedsWithin(2000, async () => assert.ok(countOpenResources().sockets <= before));
        await storeErrorOf(read(), 'STORE_CLOSED');
      });

      it('lets writers of the same entities take turns', async () => {
        open();
        const writers = Array.from({ length: 8 }, async (_, writer) => {
          for (let round = 0; round < 5; round++) {
            const ids = Array.from({ length: 20 }, (__, index) => 90_000 + ((index * (writer + 3)) % 20));
            const rows = ids.map((id) => driverRow(id, 7000, { trips: writer, same: writer }));
            await store.onlineWriteBatch(table, rows);
          }
        });
        await Promise.all(writers);
        const stored = await store.onlineRead(
          table,
          Array.from({ length: 20 }, (_, id) => driverKey(90_000 + id)),
        );
        for (const row of stored) assert.deepEqual(row?.values.get('trips'), row?.values.get('same'));
      });
    });
  });
}
