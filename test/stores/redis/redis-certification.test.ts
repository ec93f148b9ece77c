import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { CallOptions } from '../../../src/stores/online-store.ts';
import {
  RedisOnlineStore,
  RedisOnlineStoreConfig,
  RedisOnlineStoreSettings,
} from '../../../src/stores/redis/redis-online-store.ts';
import { StoreError } from '../../../src/stores/store-error.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { type SlicingProxy, startSlicingProxy } from '../../support/slicing-proxy.ts';
import { outcomeOf, startLoad, succeedsWithin, waitUntil } from '../../support/store-load.ts';
import { driverKey, driverRow, int64Bytes, storeErrorOf } from '../../support/store-rows.ts';

const DRIVERS = 50;
const MAX_CLIENTS = 12;
/** One for reads, one for everything else. */
const CONNECTIONS = 2;
const BACK_WITHIN_MS = 2000;
const table = tableWith('p', 'stats', ['driver_id'], ['trips', 'same']);
const keys = Array.from({ length: DRIVERS }, (_, id) => driverKey(id));

describe('the Redis store under load', function () {
  this.timeout(60_000);
  let server: RedisServer;
  let store: RedisOnlineStore | undefined;
  let proxy: SlicingProxy | undefined;

  before(async () => {
    // What was acknowledged outlives a kill: a row that is not there afterwards would be a wrong answer.
    server = await startRedisServer({
      args: ['--appendonly', 'yes', '--appendfsync', 'always', '--maxclients', `${MAX_CLIENTS}`],
    });
    const rows = keys.map((_, id) => driverRow(id, 1000 + id, { trips: id, same: id }));
    await open().onlineWriteBatch(table, rows);
    await store?.close();
  });

  after(() => server?.remove());

  afterEach(async () => {
    await store?.close();
    await proxy?.close();
    store = undefined;
    proxy = undefined;
  });

  const open = (port = server.port, settings: object = {}): RedisOnlineStore => {
    const config = RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${port}` });
    const context = { project: 'p', repoPath: '/', warn: () => {} };
    const parsed = RedisOnlineStoreSettings.parse({ command_timeout_ms: 5000, ...settings });
    store = new RedisOnlineStore(config, context, parsed);
    return store;
  };

  /** Reads all drivers and looks whether every one is right. */
  const read = async (options?: CallOptions): Promise<void> => {
    const rows = await store?.onlineRead(table, keys, undefined, options);
    assert.equal(rows?.length, DRIVERS);
    for (const [id, row] of rows.entries()) {
      assert.equal(row?.eventTimestamp.seconds, 1000 + id);
      for (const feature of ['trips', 'same']) {
        assert.deepEqual(Buffer.from(row.values.get(feature) ?? []), Buffer.from(int64Bytes(id)));
      }
    }
  };

  /** Connections of the store, without that of the test itself. */
  const countConnections = async (): Promise<number> => {
    const list = String(await server.client.call('CLIENT', 'LIST', 'TYPE', 'normal'));
    return list.trim().split('\n').length - 1;
  };

  it('fails with a code while Redis is killed, and gives right answers within two seconds of its return', async () => {
    open();
    const load = startLoad(20, read);
    await waitUntil(() => load.served > 50);
    // SIGKILL
    await server.stop();
    await waitUntil(() => load.failed > 50);
    await server.start();
    await succeedsWithin(BACK_WITHIN_MS, read);
    const { served } = load;
    await waitUntil(() => load.served > served + 50);
    await load.stop();
    assert.deepEqual(
      [...load.codes].filter((code) => !['STORE_UNAVAILABLE', 'STORE_TIMEOUT'].includes(code)),
      [],
    );
    assert.ok((await countConnections()) <= CONNECTIONS);
  });

  it('fails with a code while Redis stands still, and gives right answers within two seconds of its return', async () => {
    open(server.port, { command_timeout_ms: 300 });
    await read();
    server.pause();
    try {
      const load = startLoad(10, read);
      await waitUntil(() => load.failed > 30);
      await load.stop();
      assert.equal(load.served, 0);
      assert.deepEqual(
        [...load.codes].filter((code) => !['STORE_UNAVAILABLE', 'STORE_TIMEOUT'].includes(code)),
        [],
      );
    } finally {
      server.resume();
    }
    await succeedsWithin(BACK_WITHIN_MS, read);
    // Redis sees one by one that its old connections are gone.
    await succeedsWithin(5000, async () => assert.ok((await countConnections()) <= CONNECTIONS));
  });

  it('gives a right answer or a code when replies are cut off anywhere', async () => {
    let cut = 1;
    proxy = await startSlicingProxy({
      targetPort: server.port,
      pieceBytes: () => 4096,
      cutAfterBytes: () => {
        cut = cut < 6000 ? Math.ceil(cut * 1.3) : Number.POSITIVE_INFINITY;
        return cut;
      },
    });
    open(proxy.port, { reconnect_max_delay_ms: 20 });
    const outcomes = new Set<string>();
    while (cut !== Number.POSITIVE_INFINITY) outcomes.add(await outcomeOf(read()));
    await succeedsWithin(BACK_WITHIN_MS, read);
    outcomes.delete('ok');
    assert.deepEqual([...outcomes], ['STORE_UNAVAILABLE']);
    assert.ok(proxy.cuts > 10);
    await succeedsWithin(5000, async () => assert.ok((await countConnections()) <= CONNECTIONS));
  });

  it('keeps a deadline when replies are slow, and the connection, and its place in line', async () => {
    let slow = false;
    proxy = await startSlicingProxy({
      targetPort: server.port,
      pieceBytes: () => 512,
      pauseMs: () => (slow ? 20 : 0),
    });
    open(proxy.port);
    await read();
    const before = proxy.open;
    slow = true;
    await storeErrorOf(read({ deadline: Date.now() + 10 }), 'STORE_TIMEOUT');
    await read();
    slow = false;
    await read();
    assert.equal(proxy.open, before);
  });

  describe('that other clients use up', () => {
    const others: Redis[] = [];

    /** Connects until Redis takes no more. */
    const takeAll = async (): Promise<void> => {
      for (;;) {
        const other = new Redis({ host: '127.0.0.1', port: server.port, lazyConnect: true, retryStrategy: () => null });
        other.on('error', () => {});
        others.push(other);
        try {
          await other.connect();
          await other.ping();
        } catch {
          return;
        }
      }
    };

    const release = (): void => {
      for (const other of others.splice(0)) other.disconnect();
    };

    afterEach(release);

    it('says that Redis takes no more connections, and serves within two seconds of its taking some', async () => {
      await takeAll();
      open();
      // What Redis says before it hangs up is lost when the request crosses it on the way.
      const said: string[] = [];
      while (said.length < 200 && !said.some((text) => text.includes('maxclients'))) {
        const error = await read().catch((reason: unknown) => reason);
        assert.ok(error instanceof StoreError, String(error));
        assert.ok(['STORE_OVERLOADED', 'STORE_UNAVAILABLE'].includes(error.code), error.code);
        said.push(error.describe());
        await sleep(5);
      }
      assert.match(said.at(-1) ?? '', /out of connections.*maxclients/s);
      release();
      await succeedsWithin(BACK_WITHIN_MS, read);
    });

    it('goes on with the connections that it has', async () => {
      open();
      await read();
      await takeAll();
      await Promise.all(Array.from({ length: 10 }, () => read()));
    });
  });
});
