import assert from 'node:assert/strict';
import slotOf from 'cluster-key-slot';
import type { RedisOnlineStore } from '../../../src/stores/redis/redis-online-store.ts';
import { RowBlock } from '../../../src/stores/row-block.ts';
import { serializeKeys } from '../../../src/stores/row-objects.ts';
import { rowsFromWriteBlock } from '../../../src/stores/write-block-rows.ts';
import { tellingBlock, tellingNumber, upTo } from '../../support/driver-block.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { expiringHashes } from '../../support/redis-dump.ts';
import type { RedisServer } from '../../support/redis-server.ts';
import { beginSlotMove, countErrors } from '../../support/redis-slots.ts';
import { createRedisStores } from '../../support/redis-stores.ts';
import { type RedisCluster, startRedisCluster } from '../../support/redis-topologies.ts';
import { isStoreError, outcomeOf, succeedsWithin } from '../../support/store-load.ts';
import { driverKey, int64Bytes, storeErrorOf } from '../../support/store-rows.ts';

const FEATURES = ['trips', 'rate', 'age'];
const table = tableWith('shop', 'stats', ['driver_id'], FEATURES);
const TIME = 1_700_000_000;
const ids = upTo(600);

async function assertStored(store: RedisOnlineStore, seconds: number): Promise<void> {
  const block = new RowBlock(ids.length, FEATURES.length);
  const keys = serializeKeys(table, ids.map(driverKey));
  await store.readMany([{ table, keys, features: FEATURES, block }], { deadline: Date.now() + 10_000 });
  for (const [row, id] of ids.entries()) {
    assert.equal(block.timestampAt(row).seconds, seconds, `driver ${id}`);
    for (const [feature] of FEATURES.entries()) {
      const expected = Buffer.from(int64Bytes(tellingNumber(seconds, id, feature)));
      assert.deepEqual(Buffer.from(block.valueAt(row, feature) ?? []), expected, `driver ${id}`);
    }
  }
}

describe('writing to a Redis Cluster', function () {
  this.timeout(20_000);
  let cluster: RedisCluster;
  let nodes: readonly [RedisServer, RedisServer, RedisServer];
  const stores = createRedisStores(() => 0);

  before(async () => {
    cluster = await startRedisCluster();
    const [first, second, third] = cluster.masters;
    assert.ok(first && second && third);
    nodes = [first, second, third];
    // A node that is down takes its own slots with it, not the whole cluster.
    for (const { client } of nodes) await client.config('SET', 'cluster-require-full-coverage', 'no');
  });

  after(() => cluster?.remove());

  beforeEach(async () => {
    for (const { client } of nodes) await client.flushall();
  });

  afterEach(() => stores.closeAll());

  const open = (config: object = {}, user = ''): RedisOnlineStore =>
    stores.open(
      {
        redis_type: 'redis_cluster',
        connection_string: `${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}${user}`,
        ...config,
      },
      { reconnect_max_delay_ms: 50 },
    );

  const allHashes = async (): Promise<unknown[]> => (await Promise.all(nodes.map(expiringHashes))).flat();

  for (const config of [{}, { skip_dedup: true }, { key_ttl_seconds: 100_000 }]) {
    it(`holds what the same rows hold ${JSON.stringify(config)}`, async () => {
      const store = open(config);
      await store.onlineWriteBatch(table, rowsFromWriteBlock(tellingBlock(FEATURES, ids, TIME)));
      const byRows = await allHashes();
      assert.equal(byRows.length, ids.length);
      for (const { client } of nodes) await client.flushall();
      await store.writeBlock(table, tellingBlock(FEATURES, ids, TIME));
      assert.deepEqual(await allHashes(), byRows);
      await store.writeBlock(table, tellingBlock(FEATURES, ids, TIME - 1), { newestOnly: true });
      await assertStored(store, TIME);
    });
  }

  it('reaches every row while slots move from node to node', async () => {
    const [from, to] = nodes;
    const store = open();
    const plain = open({ skip_dedup: true, key_ttl_seconds: 100_000 });
    let seconds = TIME;
    const writeAll = async (): Promise<void> => {
      await plain.writeBlock(table, tellingBlock(FEATURES, ids, ++seconds));
      await assertStored(store, seconds);
      await store.writeBlock(table, tellingBlock(FEATURES, ids, ++seconds));
      await assertStored(store, seconds);
    };
    await writeAll();
    const keys = await from.client.keysBuffer('*');
    for (const slot of [...new Set(keys.map((key) => slotOf(key)))].slice(0, 3)) {
      const move = await beginSlotMove(slot, from, to, nodes);
      await writeAll();
      await move.moveKeys();
      await writeAll();
      await move.finish();
      await writeAll();
    }
    assert.ok((await countErrors(from, 'ASK')) > 0, 'ASK did not happen');
    assert.ok((await countErrors(from, 'MOVED')) > 0, 'MOVED did not happen');
    assert.deepEqual(stores.warnings, []);
  });

  it('names what failed, and where nothing is known of a row', async () => {
    const store = open();
    await store.writeBlock(table, tellingBlock(FEATURES, [5], TIME));
    const holder = (
      await Promise.all(nodes.map(async (node) => ((await node.client.dbsize()) > 0 ? [node] : [])))
    ).flat();
    const [node = assert.fail()] = holder;
    const [key = ''] = await node.client.keysBuffer('*');
    await node.client.set(key, 'no hash');
    const error = await storeErrorOf(store.writeBlock(table, tellingBlock(FEATURES, ids, TIME)), 'STORE_WRONG_LAYOUT');
    assert.match(error.message, /^Row 5 of feature view "stats"/);
  });

  it('compares before it writes where scripts are forbidden', async () => {
    for (const { client } of nodes) {
      const rules = ['reset', 'on', '>secret', '~*', '+ping', '+hmget', '+hset', '+cluster|slots', '+info'];
      await client.call('ACL', 'SETUSER', 'loader', ...rules);
    }
    const store = open({}, ',username=loader,password=secret');
    await store.writeBlock(table, tellingBlock(FEATURES, ids, TIME));
    await store.writeBlock(table, tellingBlock(FEATURES, ids, TIME - 1));
    await assertStored(store, TIME);
    assert.equal(stores.warnings.length, 1);
  });

  it('fails with a code while a node is down, and writes all when it is back', async () => {
    const store = open();
    await store.writeBlock(table, tellingBlock(FEATURES, ids, TIME));
    await nodes[1].stop();
    const outcome = await outcomeOf(store.writeBlock(table, tellingBlock(FEATURES, ids, TIME + 1)));
    assert.equal(outcome, 'STORE_UNAVAILABLE');
    await nodes[1].start();
    const last = tellingBlock(FEATURES, ids, TIME + 2);
    await succeedsWithin(8000, () => store.writeBlock(table, last), isStoreError);
    await succeedsWithin(5000, () => assertStored(store, TIME + 2), isStoreError);
  });
});
