import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBOnlineStore } from '../../../src/stores/dynamodb/dynamodb-online-store.ts';
import type { CallOptions } from '../../../src/stores/online-store.ts';
import { StoreError } from '../../../src/stores/store-error.ts';
import { type DynamoProxy, startDynamoProxy } from '../../support/dynamodb-proxy.ts';
import { type DynamoServer, startDynamoServer } from '../../support/dynamodb-server.ts';
import { openDynamoStore, useFreshDatabase } from '../../support/dynamodb-store.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { countOpenResources } from '../../support/open-resources.ts';
import { isStoreError, succeedsWithin, waitUntil } from '../../support/store-load.ts';
import { changeOf, driverKey, driverRow, int64Bytes, storeErrorOf } from '../../support/store-rows.ts';

const table = tableWith('p', 'stats', ['driver_id'], ['trips']);
const DRIVERS = 40;
/** By when the first good answer has to be there, counted from when the server is back. */
const BACK_WITHIN_MS = 2000;

describe('the DynamoDB store in trouble', function () {
  this.timeout(60_000);
  let server: DynamoServer;
  let proxy: DynamoProxy;
  let store: DynamoDBOnlineStore;

  before(async () => {
    server = await startDynamoServer();
    proxy = await startDynamoProxy(server.port);
  });

  after(async () => {
    await proxy?.close();
    await server?.remove();
  });

  useFreshDatabase();

  afterEach(async () => {
    proxy.intervene(undefined);
    await store?.close();
  });

  /** Opens a store whose table holds a row of every driver. */
  const openFilled = async (url: string, settings: object = {}, config: object = {}): Promise<void> => {
    const filler = openDynamoStore(server.url, { settings: { request_timeout_ms: 20_000 } });
    await filler.update(changeOf({ tablesToKeep: [table] }));
    await filler.onlineWriteBatch(
      table,
      Array.from({ length: DRIVERS }, (_, id) => driverRow(id, 100 + id, { trips: id })),
    );
    await filler.close();
    store = openDynamoStore(url, { settings: { ...settings }, config: { ...config } });
    // Credentials are found and a connection made: what is limited below is a request alone.
    await succeedsWithin(10_000, () => readSome(1), isStoreError);
  };

  /** Reads some drivers and compares every value. */
  const readSome = async (first: number, options: CallOptions = {}): Promise<void> => {
    const ids = Array.from({ length: 5 }, (_, index) => (first + 7 * index) % DRIVERS);
    const rows = await store.onlineRead(table, ids.map(driverKey), undefined, options);
    assert.deepEqual(
      rows.map((row) => [row?.eventTimestamp.seconds, Buffer.from(row?.values.get('trips') ?? []).toString('hex')]),
      ids.map((id) => [100 + id, Buffer.from(int64Bytes(id)).toString('hex')]),
    );
  };

  /** Twenty clients that read until they are told to stop. A wrong value fails them. */
  const startClients = () => {
    let running = true;
    const codes = new Map<string, number>();
    const counts = { served: 0 };
    const client = async (_: unknown, number: number): Promise<void> => {
      for (let call = number; running; call++) {
        try {
          await readSome(call, { deadline: Date.now() + 1000 });
          counts.served++;
        } catch (error) {
          if (!(error instanceof StoreError)) throw error;
          codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
        }
        await sleep(10);
      }
    };
    const clients = Array.from({ length: 20 }, client);
    return {
      codes,
      counts,
      stop: async (): Promise<void> => {
        running = false;
        await Promise.all(clients);
      },
    };
  };

  it('says at once that DynamoDB is down, and finds it when it comes', async () => {
    await openFilled(server.url);
    await server.stop();
    for (let call = 0; call < 3; call++) {
      const started = Date.now();
      const error = await storeErrorOf(readSome(call), 'STORE_UNAVAILABLE');
      assert.match(error.describe(), /127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\).*endpoint_url/s);
      assert.ok(Date.now() - started < 1000);
    }
    await server.start();
    await succeedsWithin(BACK_WITHIN_MS, () => readSome(1), isStoreError);
  });

  it('fails with a code while DynamoDB is killed and restarted under load, and serves when it is back', async () => {
    await openFilled(server.url);
    const clients = startClients();
    await waitUntil(() => clients.counts.served > 40);
    await server.stop();
    await waitUntil(() => (clients.codes.get('STORE_UNAVAILABLE') ?? 0) > 20);
    await server.start();
    await succeedsWithin(BACK_WITHIN_MS, () => readSome(1), isStoreError);
    const before = clients.counts.served;
    await waitUntil(() => clients.counts.served > before + 20);
    await clients.stop();
    const unforeseen = [...clients.codes.keys()].filter((code) => !/^STORE_(UNAVAILABLE|TIMEOUT)$/.test(code));
    assert.deepEqual(unforeseen, []);
  });

  it('ends calls at their deadline while DynamoDB is silent, and serves when it goes on', async () => {
    await openFilled(server.url, { request_timeout_ms: 300 }, { total_max_retry_attempts: 1 });
    server.pause();
    try {
      const started = Date.now();
      await storeErrorOf(readSome(1, { deadline: Date.now() + 100 }), 'STORE_TIMEOUT');
      assert.ok(Date.now() - started < 290, 'the deadline ends the call, not the limit of a request');
      const error = await storeErrorOf(readSome(1), 'STORE_TIMEOUT');
      assert.match(error.message, /gave no answer within 300 ms/);
    } finally {
      server.resume();
    }
    await succeedsWithin(BACK_WITHIN_MS, () => readSome(2), isStoreError);
  });

  it('ends a call when its caller goes away', async () => {
    await openFilled(server.url);
    server.pause();
    const caller = new AbortController();
    setTimeout(() => caller.abort(), 30);
    try {
      await storeErrorOf(readSome(1, { signal: caller.signal }), 'STORE_TIMEOUT');
    } finally {
      server.resume();
    }
  });

  it('waits for slow answers as long as the caller does', async () => {
    await openFilled(proxy.url);
    proxy.intervene(async (_, forward) => {
      await sleep(200);
      return forward();
    });
    await readSome(1, { deadline: Date.now() + 10_000 });
    await storeErrorOf(readSome(1, { deadline: Date.now() + 100 }), 'STORE_TIMEOUT');
  });

  for (const cutAfter of [0, 1, 200]) {
    it(`does not show its caller that one answer was cut after ${cutAfter} bytes`, async () => {
      await openFilled(proxy.url);
      let cuts = 1;
      proxy.intervene(async (_, forward) => {
        const answer = await forward();
        return cuts-- > 0 ? { ...answer, cutAfter } : answer;
      });
      await readSome(1);
    });
  }

  it('fails with a code while every answer is cut, and serves when they are whole', async () => {
    await openFilled(proxy.url);
    proxy.intervene(async (_, forward) => ({ ...(await forward()), cutAfter: 100 }));
    const error = await storeErrorOf(readSome(1), 'STORE_UNAVAILABLE');
    assert.match(error.message, /broke the connection \(ECONNRESET\)/);
    proxy.intervene(undefined);
    await readSome(1);
  });

  it('takes no answer whose bytes changed on the way', async () => {
    await openFilled(proxy.url);
    const spoil = (bytes: Buffer): void => {
      const at = bytes.indexOf('"B":"') + 6;
      bytes[at] = bytes[at] === 0x41 ? 0x42 : 0x41;
    };
    let spoilt = 1;
    proxy.intervene(async (_, forward) => (spoilt-- > 0 ? { ...(await forward()), spoil } : forward()));
    await readSome(1);
    proxy.intervene(async (_, forward) => ({ ...(await forward()), spoil }));
    const error = await storeErrorOf(readSome(1), 'STORE_UNAVAILABLE');
    assert.match(error.message, /ECHECKSUM/);
  });

  it('does not show its caller that idle connections were closed at the other end', async () => {
    await openFilled(proxy.url);
    for (let round = 0; round < 5; round++) {
      await Promise.all([readSome(1), readSome(2), readSome(3)]);
      await proxy.close();
      const port = Number(new URL(proxy.url).port);
      assert.ok(port > 0);
      proxy = await startDynamoProxy(server.port, port);
    }
    await readSome(1);
  });

  it('keeps no more connections than it may, whatever happens, and none when it is closed', async () => {
    const before = countOpenResources();
    await openFilled(proxy.url, { request_timeout_ms: 150 }, { max_pool_connections: 4, total_max_retry_attempts: 1 });
    const clients = startClients();
    await waitUntil(() => clients.counts.served > 20);
    let most = 0;
    let turn = 0;
    proxy.intervene(async (_, forward) => {
      most = Math.max(most, proxy.open);
      turn++;
      if (turn % 3 === 0) return new Promise(() => {});
      const answer = await forward();
      return turn % 3 === 1 ? { ...answer, cutAfter: 50 } : answer;
    });
    await waitUntil(() => turn > 60);
    proxy.intervene(undefined);
    const served = clients.counts.served;
    await waitUntil(() => clients.counts.served > served + 20);
    await clients.stop();
    // A connection that is given up is closed a moment after the next one is there.
    assert.ok(most <= 8, `${most} connections`);
    assert.ok(proxy.open <= 4, `${proxy.open} connections in the end`);
    await store.close();
    await waitUntil(() => proxy.open === 0);
    await waitUntil(() => countOpenResources().sockets <= before.sockets);
  });
});
