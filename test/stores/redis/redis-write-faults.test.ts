import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisOnlineStore } from '../../../src/stores/redis/redis-online-store.ts';
import { RowBlock } from '../../../src/stores/row-block.ts';
import { serializeKeys } from '../../../src/stores/row-objects.ts';
import { rowsFromWriteBlock } from '../../../src/stores/write-block-rows.ts';
import { tellingBlock, tellingNumber, upTo } from '../../support/driver-block.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { countOpenResources } from '../../support/open-resources.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { createRedisStores } from '../../support/redis-stores.ts';
import { type RespServer, startRespServer } from '../../support/resp-server.ts';
import { type SlicingProxy, startSlicingProxy } from '../../support/slicing-proxy.ts';
import { isStoreError, outcomeOf, succeedsWithin, waitUntil } from '../../support/store-load.ts';
import { driverKey, int64Bytes, storeErrorOf } from '../../support/store-rows.ts';

const FEATURES = ['trips', 'rate'];
const table = tableWith('shop', 'stats', ['driver_id'], FEATURES);
const TIME = 1_700_000_000;
const ids = upTo(2000);
/** The first connection is cut behind so many bytes of replies; later ones are not. */
const CUTS = [1, 4, 9, 30];

describe('writing to Redis in trouble', () => {
  let server: RedisServer;
  let proxy: SlicingProxy | undefined;
  let faulty: RespServer | undefined;
  const stores = createRedisStores(() => proxy?.port ?? server.port);

  before(async () => {
    server = await startRedisServer();
  });

  after(() => server?.remove());

  beforeEach(() => server.client.flushall());

  afterEach(async () => {
    server.resume();
    await stores.closeAll();
    await proxy?.close();
    await faulty?.close();
    proxy = undefined;
    faulty = undefined;
  });

  const cutOnceAfter = async (bytes: number): Promise<void> => {
    let left = [bytes];
    proxy = await startSlicingProxy({
      targetPort: server.port,
      pieceBytes: () => (proxy?.cuts === 0 ? 4 : 65_536),
      cutAfterBytes: () => {
        const [first = Number.POSITIVE_INFINITY] = left;
        left = [];
        return first;
      },
    });
  };

  /** Asserts that the drivers have the values of this time. */
  const assertStored = async (store: RedisOnlineStore, seconds: number, drivers = ids): Promise<void> => {
    const block = new RowBlock(drivers.length, FEATURES.length);
    await store.readMany([{ table, keys: serializeKeys(table, drivers.map(driverKey)), features: FEATURES, block }]);
    for (const [row, id] of drivers.entries()) {
      assert.equal(block.timestampAt(row).seconds, seconds, `driver ${id}`);
      for (const [feature] of FEATURES.entries()) {
        const expected = Buffer.from(int64Bytes(tellingNumber(seconds, id, feature)));
        assert.deepEqual(Buffer.from(block.valueAt(row, feature) ?? []), expected, `driver ${id}`);
      }
    }
  };

  /** Connections that the server has, without the test's own. */
  const countConnections = async (): Promise<number> => {
    const list = String(await server.client.call('CLIENT', 'LIST', 'TYPE', 'normal'));
    return list.trim().split('\n').length - 1;
  };

  for (const cut of CUTS) {
    it(`repeats guarded rows whose outcome is unknown: cut behind byte ${cut}`, async () => {
      await cutOnceAfter(cut);
      const store = stores.open();
      await store.writeBlock(table, tellingBlock(FEATURES, ids, TIME));
      assert.equal(proxy?.cuts, 1);
      await assertStored(stores.open({ connection_string: `127.0.0.1:${server.port}` }), TIME);
    });

    it(`does not repeat rows that are not compared, and says so: cut behind byte ${cut}`, async () => {
      await cutOnceAfter(cut);
      await server.client.config('RESETSTAT');
      const store = stores.open({ skip_dedup: true });
      const block = tellingBlock(FEATURES, ids, TIME);
      await storeErrorOf(store.writeBlock(table, block), 'STORE_UNAVAILABLE');
      const [stats, stored] = (await server.client.multi().info('commandstats').dbsize().exec()) ?? [];
      assert.equal(Number(/cmdstat_hset:calls=(\d+)/.exec(String(stats?.[1]))?.[1]), stored?.[1]);
      await store.writeBlock(table, block);
      await assertStored(store, TIME);
    });
  }

  it('repeats a batch of guarded rows too', async () => {
    await cutOnceAfter(2);
    const store = stores.open();
    await store.onlineWriteBatch(table, rowsFromWriteBlock(tellingBlock(FEATURES, upTo(30), TIME)));
    assert.equal(proxy?.cuts, 1);
    await assertStored(store, TIME, upTo(30));
  });

  it('fails with a code while Redis is killed in the middle of blocks, and writes when it is back', async function () {
    this.timeout(20_000);
    const store = stores.open();
    let seconds = TIME;
    let failed = 0;
    let written = 0;
    let running = true;
    const writing = (async () => {
      while (running) {
        const outcome = await outcomeOf(store.writeBlock(table, tellingBlock(FEATURES, ids, ++seconds)));
        if (outcome === 'ok') written++;
        else {
          assert.ok(['STORE_UNAVAILABLE', 'STORE_TIMEOUT'].includes(outcome), outcome);
          failed++;
          await sleep(5);
        }
      }
    })();
    for (let round = 0; round < 3; round++) {
      const before = written;
      await waitUntil(() => written > before + 2);
      const failedBefore = failed;
      await server.stop();
      await waitUntil(() => failed > failedBefore);
      await server.start();
    }
    const before = written;
    await waitUntil(() => written > before);
    running = false;
    await writing;
    const last = seconds + 1;
    await store.writeBlock(table, tellingBlock(FEATURES, ids, last));
    await succeedsWithin(2000, () => assertStored(store, last), isStoreError);
    // One for writes, one for reads.
    assert.equal(await countConnections(), 2);
  });

  it('ends a block at its deadline, or when Redis is silent, and writes the next one', async () => {
    const store = stores.open({}, { command_timeout_ms: 300 });
    await store.writeBlock(table, tellingBlock(FEATURES, ids, TIME));
    const block = tellingBlock(FEATURES, ids, TIME + 1);
    server.pause();
    const started = Date.now();
    await storeErrorOf(store.writeBlock(table, block, { deadline: Date.now() + 80 }), 'STORE_TIMEOUT');
    assert.ok(Date.now() - started < 280);
    // What was sent is sent: the block can be used again.
    block.bytes.fill(0xff);
    await storeErrorOf(store.writeBlock(table, tellingBlock(FEATURES, ids, TIME + 2)), 'STORE_TIMEOUT');
    server.resume();
    const last = tellingBlock(FEATURES, ids, TIME + 3);
    await succeedsWithin(2000, () => store.writeBlock(table, last), isStoreError);
    await assertStored(store, TIME + 3);
  });

  it('ends a block when its caller goes away, stays in step and writes the next one over the same connection', async () => {
    const store = stores.open();
    await store.writeBlock(table, tellingBlock(FEATURES, ids, TIME));
    const before = await countConnections();
    server.pause();
    const caller = new AbortController();
    setTimeout(() => caller.abort(), 30);
    const block = tellingBlock(FEATURES, upTo(50), TIME + 1);
    await storeErrorOf(store.writeBlock(table, block, { signal: caller.signal }), 'STORE_TIMEOUT');
    await storeErrorOf(store.writeBlock(table, block, { signal: AbortSignal.abort() }), 'STORE_TIMEOUT');
    server.resume();
    await store.writeBlock(table, tellingBlock(FEATURES, ids, TIME + 2));
    assert.equal(await countConnections(), before);
    await assertStored(store, TIME + 2);
  });

  it('writes blocks of any size whatever max_in_flight_commands is', async () => {
    for (const config of [{}, { skip_dedup: true, key_ttl_seconds: 1000 }]) {
      const store = stores.open(config, { max_in_flight_commands: 30, max_pipeline_keys: 10 });
      await store.writeBlock(table, tellingBlock(FEATURES, ids, TIME));
      await assertStored(store, TIME, upTo(10));
    }
  });

  it('gives a connection up that answers something else', async () => {
    for (const reply of ['+OK\r\n', '$2\r\nhi\r\n', ':x\r\n', ':1\r\n:1\r\n:1\r\n']) {
      faulty = await startRespServer(() => reply);
      const store = stores.open({ connection_string: `127.0.0.1:${faulty.port}` });
      const write = store.writeBlock(table, tellingBlock(FEATURES, upTo(3), TIME));
      if (reply.startsWith(':1')) await write;
      else await storeErrorOf(write, 'STORE_CORRUPT');
      await stores.closeAll();
      await faulty.close();
    }
  });

  it('fails at once when it is closed, and leaves nothing open', async () => {
    const before = countOpenResources();
    const store = stores.open();
    await store.writeBlock(table, tellingBlock(FEATURES, ids, TIME));
    const writing = outcomeOf(store.writeBlock(table, tellingBlock(FEATURES, ids, TIME + 1)));
    await store.close();
    assert.notEqual(await writing, 'ok');
    await storeErrorOf(store.writeBlock(table, tellingBlock(FEATURES, ids, TIME + 2)), 'STORE_CLOSED');
    await waitUntil(() => countOpenResources().sockets <= before.sockets);
    await succeedsWithin(2000, async () => assert.equal(await countConnections(), 0));
  });

  it('says that Redis is not there', async () => {
    const store = stores.open({ connection_string: '127.0.0.1:1' });
    const error = await storeErrorOf(store.writeBlock(table, tellingBlock(FEATURES, [1], TIME)), 'STORE_UNAVAILABLE');
    assert.match(error.message, /cannot be reached/);
  });
});
