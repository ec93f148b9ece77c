import assert from 'node:assert/strict';
import type { OnlineTable } from '../../../src/stores/online-store.ts';
import {
  RedisOnlineStore,
  RedisOnlineStoreConfig,
  RedisOnlineStoreSettings,
} from '../../../src/stores/redis/redis-online-store.ts';
import { StoreError } from '../../../src/stores/store-error.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { createSeededRandom, type SeededRandom } from '../../support/seeded-random.ts';
import { type SlicingProxy, type SlicingProxyOptions, startSlicingProxy } from '../../support/slicing-proxy.ts';
import { assertTold, someReads, tellingRow, tellingTable, wholeReads } from '../../support/telling-rows.ts';

const STORED = 60;
const tables = [tellingTable('stats', 12), tellingTable('profile', 3), tellingTable('orders', 30)];

describe('Redis replies that arrive in pieces', () => {
  let server: RedisServer;
  let writer: RedisOnlineStore;
  /** The last version that is written, and the one that is being written. */
  let written = 0;
  let version = 0;
  let proxy: SlicingProxy | undefined;
  let store: RedisOnlineStore | undefined;

  const open = (port: number, settings: object = {}): RedisOnlineStore => {
    const config = RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${port}` });
    const context = { project: 'p', repoPath: '/', warn: () => {} };
    return new RedisOnlineStore(config, context, RedisOnlineStoreSettings.parse(settings));
  };

  const writeAll = async (): Promise<void> => {
    version++;
    for (const table of tables) await writer.onlineWriteBatch(table, rowsOf(table, version));
    written = version;
  };

  before(async () => {
    server = await startRedisServer();
    writer = open(server.port);
    await writeAll();
  });

  after(async () => {
    await writer?.close();
    await server?.remove();
  });

  afterEach(async () => {
    await store?.close();
    await proxy?.close();
    store = undefined;
    proxy = undefined;
  });

  const openThrough = async (options: Omit<SlicingProxyOptions, 'targetPort'>): Promise<RedisOnlineStore> => {
    proxy = await startSlicingProxy({ targetPort: server.port, ...options });
    store = open(proxy.port, { command_timeout_ms: 15_000, reconnect_max_delay_ms: 20 });
    return store;
  };

  /** Reads one random shape; every value must be the one that was written there. */
  const readSome = async (reader: RedisOnlineStore, random: SeededRandom, most: number): Promise<void> => {
    const entities = Array.from({ length: 1 + random(most) }, () => random(STORED + 10));
    const reads = someReads(tables, entities, random);
    const oldest = written;
    await reader.readMany(reads, { deadline: Date.now() + 15_000 });
    assertTold(reads, entities, { stored: STORED, oldest, newest: version });
  };

  it('are read right at one byte a piece', async () => {
    const random = createSeededRandom(1);
    const reader = await openThrough({ pieceBytes: () => 1 });
    const read = async (entity: number): Promise<void> => {
      const reads = someReads(tables, [entity, STORED + 1, entity + 1], random);
      await reader.readMany(reads);
      assertTold(reads, [entity, STORED + 1, entity + 1], { stored: STORED, oldest: version, newest: version });
    };
    // None of the entities 11 to 20 has one of the long values.
    await Promise.all([11, 13, 15, 17, 19].map(read));
    assert.ok((proxy?.pieces ?? 0) > 3000, `${proxy?.pieces} pieces`);
  });

  it('are read right however they are cut, with many reads of different shapes under way while rows change', async () => {
    const random = createSeededRandom(2);
    // Often within a length or between CR and LF; now and then more than one reply.
    const pieceBytes = (): number => (random(4) === 0 ? 1 + random(5) : 1 + random(20_000));
    const reader = await openThrough({ pieceBytes, pauseMs: () => (random(40) === 0 ? 1 : 0) });
    const reading = Promise.all(
      Array.from({ length: 40 }, async () => {
        for (let round = 0; round < 6; round++) await readSome(reader, random, 12);
      }),
    );
    for (let round = 0; round < 5; round++) await writeAll();
    await reading;
    assert.ok((proxy?.pieces ?? 0) > 500, `${proxy?.pieces} pieces`);
  });

  it('are read right in pieces of one reply after another, for all entities at once', async () => {
    const random = createSeededRandom(3);
    const reader = await openThrough({ pieceBytes: () => 30_000 + random(60_000) });
    const entities = Array.from({ length: STORED + 5 }, (_, entity) => entity);
    for (let round = 0; round < 5; round++) {
      const reads = wholeReads(tables, entities);
      await reader.readMany(reads);
      assertTold(reads, entities, { stored: STORED, oldest: version, newest: version });
    }
  });

  it('are never mixed up when connections are cut in the middle of them', async () => {
    const random = createSeededRandom(4);
    const reader = await openThrough({
      pieceBytes: () => 1 + random(3000),
      cutAfterBytes: () => 1 + random(600_000),
    });
    let served = 0;
    const refused: string[] = [];
    const readAndCount = async (): Promise<void> => {
      try {
        await readSome(reader, random, 8);
        served++;
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        refused.push(error.code);
      }
    };
    const reading = Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let round = 0; round < 25; round++) await readAndCount();
      }),
    );
    for (let round = 0; round < 5; round++) await writeAll();
    await reading;
    // A read that is cut once is sent again; only who is cut twice hears of it.
    assert.deepEqual(new Set(refused), new Set(refused.length > 0 ? ['STORE_UNAVAILABLE'] : []));
    assert.ok(served > refused.length, `${served} served, ${refused.length} refused`);
    assert.ok((proxy?.cuts ?? 0) > 5, `${proxy?.cuts} cuts`);
  });

  it('are read again, once, when every connection is cut under them, and nobody notices', async () => {
    const random = createSeededRandom(5);
    const reader = await openThrough({ pieceBytes: () => 1 + random(2000), pauseMs: () => 1 });
    await readSome(reader, random, 3);
    for (let round = 0; round < 20; round++) {
      const reading = Array.from({ length: 5 }, () => readSome(reader, random, 3));
      const half = new Promise((resolve) => setTimeout(resolve, random(8)));
      await half;
      proxy?.cutAll();
      await Promise.all(reading);
    }
  });
});

function rowsOf(table: OnlineTable, version: number) {
  return Array.from({ length: STORED }, (_, entity) => tellingRow(table, entity, version));
}
