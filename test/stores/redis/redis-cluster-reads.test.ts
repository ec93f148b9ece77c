import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import slotOf from 'cluster-key-slot';
import {
  RedisOnlineStore,
  RedisOnlineStoreConfig,
  RedisOnlineStoreSettings,
} from '../../../src/stores/redis/redis-online-store.ts';
import type { RedisServer } from '../../support/redis-server.ts';
import { beginSlotMove, countErrors, giveSlots, nodeId } from '../../support/redis-slots.ts';
import { type RedisCluster, startRedisCluster } from '../../support/redis-topologies.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { isStoreError, succeedsWithin } from '../../support/store-load.ts';
import { storeErrorOf } from '../../support/store-rows.ts';
import { assertTold, someReads, tellingRow, tellingTable, wholeReads } from '../../support/telling-rows.ts';

const STORED = 240;
const VERSIONS = { stored: STORED, oldest: 1, newest: 1 };
const tables = [tellingTable('stats', 6), tellingTable('profile', 3)];
const everyone = Array.from({ length: STORED + 10 }, (_, entity) => entity);

describe('reading a Redis Cluster', () => {
  let cluster: RedisCluster;
  let nodes: readonly [RedisServer, RedisServer, RedisServer];
  let store: RedisOnlineStore;

  before(async () => {
    cluster = await startRedisCluster();
    const [first, second, third] = cluster.masters;
    assert.ok(first && second && third);
    nodes = [first, second, third];
    for (const { client } of nodes) {
      // A node that is down takes its own slots with it, not the whole cluster.
      await client.config('SET', 'cluster-require-full-coverage', 'no');
      // A node without slots stays a primary.
      await client.config('SET', 'cluster-allow-replica-migration', 'no');
    }
    const config = RedisOnlineStoreConfig.parse({
      redis_type: 'redis_cluster',
      connection_string: nodes.map(({ port }) => `127.0.0.1:${port}`).join(','),
    });
    const context = { project: 'p', repoPath: '/', warn: () => {} };
    store = new RedisOnlineStore(
      config,
      context,
      RedisOnlineStoreSettings.parse({ reconnect_max_delay_ms: 50, command_timeout_ms: 10_000 }),
    );
    await writeAll();
  });

  after(async () => {
    await store?.close();
    await cluster?.remove();
  });

  const writeAll = async (): Promise<void> => {
    for (const table of tables) {
      const rows = Array.from({ length: STORED }, (_, entity) => tellingRow(table, entity, 1));
      await store.onlineWriteBatch(table, rows);
    }
  };

  const readAll = async (entities: readonly number[] = everyone): Promise<void> => {
    const reads = wholeReads(tables, entities);
    await store.readMany(reads, { deadline: Date.now() + 10_000 });
    assertTold(reads, entities, VERSIONS);
  };

  /** Entities whose rows a node holds. */
  const entitiesOn = async (node: RedisServer): Promise<number[]> => {
    const keys = await node.client.keysBuffer('*');
    return keys.map((key) => key.readUInt32LE(key.length - 9));
  };

  const calls = async (): Promise<number[]> =>
    Promise.all(
      nodes.map(async ({ client }) =>
        Number(/cmdstat_hmget:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0),
      ),
    );

  it('asks each node for its own rows, once each', async () => {
    await readAll();
    const before = await calls();
    await readAll(everyone.slice(0, STORED));
    const after = await calls();
    const rows = await Promise.all(nodes.map(({ client }) => client.dbsize()));
    assert.deepEqual(
      after.map((count, node) => count - (before[node] ?? 0)),
      rows,
    );
    assert.ok(Math.min(...rows) > 40, rows.join(' '));
  });

  it('finds every row while slots move from node to node', async () => {
    const [from, to] = nodes;
    const keys = await from.client.keysBuffer('*');
    const slots = [...new Set(keys.map((key) => slotOf(key)))].slice(0, 6);
    const random = createSeededRandom(1);
    let running = true;
    let reads = 0;
    const readers = Array.from({ length: 6 }, async () => {
      while (running) {
        const entities = Array.from({ length: 1 + random(80) }, () => random(STORED + 10));
        const some = someReads(tables, entities, random);
        await store.readMany(some, { deadline: Date.now() + 10_000 });
        assertTold(some, entities, VERSIONS);
        reads++;
      }
    });
    const migration = async (): Promise<void> => {
      for (const slot of slots) {
        const move = await beginSlotMove(slot, from, to, nodes);
        await readAll();
        await move.moveKeys();
        await readAll();
        await move.finish();
        await readAll();
      }
    };
    await migration().finally(() => {
      running = false;
    });
    await Promise.all(readers);
    assert.ok(reads > 30, `${reads} reads`);
    assert.ok((await countErrors(from, 'ASK')) > 0, 'ASK did not happen');
    assert.ok((await countErrors(from, 'MOVED')) > 0, 'MOVED did not happen');
    const moved = await countErrors(from, 'MOVED');
    await readAll();
    assert.equal(await countErrors(from, 'MOVED'), moved, 'the new layout was not learnt');
  });

  it('says that a node is down for its rows only, and never that they do not exist', async () => {
    const down = nodes[1];
    const lost = new Set(await entitiesOn(down));
    const here = everyone.filter((entity) => entity < STORED && !lost.has(entity));
    await down.stop();
    const giveUpAt = Date.now() + 1000;
    while (Date.now() < giveUpAt) {
      const [entity = 0] = lost;
      await storeErrorOf(readAll([entity]), 'STORE_UNAVAILABLE');
      await storeErrorOf(readAll([...here.slice(0, 3), entity]), 'STORE_UNAVAILABLE');
      await readAll(here);
      await sleep(20);
    }
    await down.start();
    // It comes back empty; what it held is written again.
    await succeedsWithin(5000, writeAll, isStoreError);
    await succeedsWithin(5000, readAll, isStoreError);
  });

  it('forgets a node that left, with its connection', async () => {
    const [staying, , leaving] = nodes;
    await readAll();
    const own = String(await leaving.client.call('CLIENT', 'ID'));
    const connected = async (): Promise<number> => {
      const list = String(await leaving.client.call('CLIENT', 'LIST', 'TYPE', 'normal'));
      return [...list.matchAll(/^id=(\d+)/gm)].filter(([, id]) => id !== own).length;
    };
    assert.ok((await connected()) > 0);
    const slots = await slotsOf(leaving);
    await leaving.client.flushall();
    await giveSlots(slots, staying, nodes);
    await succeedsWithin(5000, writeAll, isStoreError);
    await succeedsWithin(5000, readAll, isStoreError);
    const giveUpAt = Date.now() + 3000;
    while ((await connected()) > 0 && Date.now() < giveUpAt) await sleep(20);
    assert.equal(await connected(), 0);
    const id = await nodeId(leaving);
    for (const { client } of nodes.slice(0, 2)) await client.call('CLUSTER', 'FORGET', id);
    await leaving.stop();
    await readAll();
  });
});

/** The slots that a node serves. */
async function slotsOf(node: RedisServer): Promise<number[]> {
  const ranges = (await node.client.call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
  return ranges
    .filter(([, , [, port]]) => port === node.port)
    .flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, n) => first + n));
}
