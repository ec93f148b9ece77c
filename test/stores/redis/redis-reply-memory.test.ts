import assert from 'node:assert/strict';
import type { TableRead } from '../../../src/stores/online-store.ts';
import {
  RedisOnlineStore,
  RedisOnlineStoreConfig,
  RedisOnlineStoreSettings,
} from '../../../src/stores/redis/redis-online-store.ts';
import { StoreError } from '../../../src/stores/store-error.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { createSeededRandom, type SeededRandom } from '../../support/seeded-random.ts';
import { type SlicingProxy, startSlicingProxy } from '../../support/slicing-proxy.ts';
import { assertTold, someReads, tellingRow, tellingTable, wholeReads } from '../../support/telling-rows.ts';

const STORED = 40;
const VERSION = 7;
const tables = [tellingTable('stats', 12), tellingTable('profile', 3), tellingTable('orders', 30)];
const told = { stored: STORED, oldest: VERSION, newest: VERSION };

interface Held {
  readonly reads: readonly TableRead[];
  readonly entities: readonly number[];
}

describe('the memory that Redis replies are received in', () => {
  let server: RedisServer;
  let proxy: SlicingProxy | undefined;
  let store: RedisOnlineStore;

  const open = (port: number): RedisOnlineStore => {
    const config = RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${port}` });
    const settings = RedisOnlineStoreSettings.parse({ command_timeout_ms: 15_000, reconnect_max_delay_ms: 20 });
    return new RedisOnlineStore(config, { project: 'p', repoPath: '/', warn: () => {} }, settings);
  };

  before(async () => {
    server = await startRedisServer();
    const writer = open(server.port);
    const rowsOf = (table: (typeof tables)[number]) =>
      Array.from({ length: STORED }, (_, entity) => tellingRow(table, entity, VERSION));
    for (const table of tables) await writer.onlineWriteBatch(table, rowsOf(table));
    await writer.close();
  });

  after(() => server?.remove());

  afterEach(async () => {
    await store?.close();
    await proxy?.close();
    proxy = undefined;
  });

  const read = async (random: SeededRandom, call: object = {}): Promise<Held> => {
    const entities = Array.from({ length: 1 + random(10) }, () => random(STORED + 5));
    const reads = someReads(tables, entities, random);
    await store.readMany(reads, call);
    return { reads, entities };
  };

  const checkAndRelease = ({ reads, entities }: Held): void => {
    assertTold(reads, entities, told);
    for (const { block } of reads) block.release();
  };

  it('is not touched while a block refers to it, whatever is read, cancelled or cut in the meantime', async () => {
    const random = createSeededRandom(11);
    proxy = await startSlicingProxy({
      targetPort: server.port,
      pieceBytes: () => 1 + random(random(3) === 0 ? 100 : 60_000),
      cutAfterBytes: () => 1 + random(6_000_000),
    });
    store = open(proxy.port);
    let served = 0;
    let ended = 0;
    const failures = new Set<string>();
    await Promise.all(
      Array.from({ length: 24 }, async () => {
        const held: Held[] = [];
        for (let round = 0; round < 25; round++) {
          const call = random(5) === 0 ? { cancelled: false } : {};
          if ('cancelled' in call) setImmediate(() => Object.assign(call, { cancelled: true }));
          try {
            held.push(await read(random, call));
            served++;
          } catch (error) {
            if (!(error instanceof StoreError)) throw error;
            failures.add(error.code);
            ended++;
          }
          // Some are kept for many rounds, and let go of in any order.
          const letGo = held.splice(random(held.length + 1), 1 + random(2));
          for (const each of letGo) checkAndRelease(each);
        }
        for (const each of held) checkAndRelease(each);
      }),
    );
    assert.ok(served > 300, `${served} served, ${ended} ended`);
    for (const code of failures) assert.ok(['STORE_TIMEOUT', 'STORE_UNAVAILABLE'].includes(code), code);
  });

  it('serves again once every block that referred to it is released, and not before', async () => {
    store = open(server.port);
    const entities = Array.from({ length: STORED }, (_, entity) => entity);
    const seen = new Set<Uint8Array>();
    const held: Held[] = [];
    let bytes = 0;
    for (let round = 0; round < 40; round++) {
      const reads = wholeReads(tables, entities);
      await store.readMany(reads);
      for (const { block } of reads) {
        for (const chunk of block.chunks) seen.add(chunk);
        for (const [cell, end] of block.cells.entries())
          if (cell % 4 === 2) bytes += end - (block.cells[cell - 1] ?? 0);
      }
      if (round === 10) held.push({ reads, entities });
      else checkAndRelease({ reads, entities });
    }
    const used = [...seen].reduce((sum, chunk) => sum + chunk.length, 0);
    assert.ok(bytes > 10 * used, `${bytes} bytes of values in ${used} bytes of memory`);
    for (const each of held) checkAndRelease(each);
  });
});
