import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import {
  RedisOnlineStore,
  RedisOnlineStoreConfig,
  RedisOnlineStoreSettings,
} from '../../../src/stores/redis/redis-online-store.ts';
import { StoreError } from '../../../src/stores/store-error.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { findFreePort, type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { type RespServer, startRespServer } from '../../support/resp-server.ts';
import { succeedsWithin } from '../../support/store-load.ts';
import { driverKey, driverRow, storedDriver, storeErrorOf } from '../../support/store-rows.ts';

const table = tableWith('p', 'stats', ['driver_id'], ['trips']);
const PASSWORD = 'sesame-4711';

describe('the Redis store in trouble', () => {
  let store: RedisOnlineStore;
  let server: RedisServer | undefined;
  let faulty: RespServer | undefined;

  afterEach(async () => {
    await store?.close();
    await server?.remove();
    await faulty?.close();
    server = undefined;
    faulty = undefined;
  });

  const open = (port: number, settings: object = {}, parameters = ''): RedisOnlineStore => {
    const config = RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${port}${parameters}` });
    const context = { project: 'p', repoPath: '/', warn: () => {} };
    store = new RedisOnlineStore(config, context, RedisOnlineStoreSettings.parse(settings));
    return store;
  };

  const read = (options = {}): Promise<unknown> => store.onlineRead(table, [driverKey(1)], undefined, options);

  describe('of the connection', () => {
    it('says that Redis is down at the start, at once, and finds it when it comes', async () => {
      server = await startRedisServer();
      await server.stop();
      open(server.port);
      for (let call = 0; call < 3; call++) {
        const started = Date.now();
        const error = await storeErrorOf(read(), 'STORE_UNAVAILABLE');
        assert.match(error.describe(), /127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)/);
        assert.ok(Date.now() - started < 500);
        await sleep(100);
      }
      await server.start();
      await succeedsWithin(1500, () => store.onlineWriteBatch(table, [driverRow(1, 100, { trips: 1 })]));
      // Reads have a connection of their own, which finds the server by itself.
      await succeedsWithin(1500, () => read());
      assert.deepEqual(await storedDriver(store, table, 1), { seconds: 100, trips: '2001' });
    });

    it('fails with a code while Redis is away under load, and serves again when it is back', async () => {
      server = await startRedisServer();
      open(server.port);
      await store.onlineWriteBatch(table, [driverRow(1, 100, { trips: 1 })]);
      let running = true;
      let served = 0;
      const codes = new Set<string>();
      const client = async (): Promise<void> => {
        while (running) {
          try {
            await read({ deadline: Date.now() + 500 });
            served++;
          } catch (error) {
            assert.ok(error instanceof StoreError, String(error));
            codes.add(error.code);
          }
          await sleep(2);
        }
      };
      const clients = Array.from({ length: 20 }, client);
      await sleep(100);
      await server.stop();
      await sleep(1500);
      assert.ok(served > 0);
      assert.deepEqual([...codes], ['STORE_UNAVAILABLE']);
      await server.start();
      await succeedsWithin(1500, read);
      running = false;
      await Promise.all(clients);
    });

    it('does not show a caller that one connection was lost while Redis is there', async () => {
      server = await startRedisServer();
      open(server.port);
      for (let round = 0; round < 20; round++) {
        await read();
        await server.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        await read();
      }
    });

    it('ends a call at its deadline when Redis is silent, and recovers', async () => {
      server = await startRedisServer();
      open(server.port, { command_timeout_ms: 300 });
      await read();
      server.pause();
      const started = Date.now();
      await storeErrorOf(read({ deadline: Date.now() + 100 }), 'STORE_TIMEOUT');
      assert.ok(Date.now() - started < 250);
      await storeErrorOf(read(), 'STORE_TIMEOUT');
      server.resume();
      await succeedsWithin(1500, read);
    });

    it('ends a call when its caller goes away', async () => {
      server = await startRedisServer();
      open(server.port);
      await read();
      server.pause();
      const caller = new AbortController();
      setTimeout(() => caller.abort(), 50);
      await storeErrorOf(read({ signal: caller.signal }), 'STORE_TIMEOUT');
    });

    it('gives up connecting at the deadline, or after the connect timeout', async () => {
      // Accepts and never answers the handshake.
      faulty = await startRespServer(() => undefined);
      open(faulty.port, { connect_timeout_ms: 200, command_timeout_ms: 10_000 }, `,password=${PASSWORD}`);
      await storeErrorOf(read({ deadline: Date.now() + 50 }), 'STORE_TIMEOUT');
      await storeErrorOf(read(), 'STORE_TIMEOUT');
    });

    it('refuses calls beyond the bound instead of queueing them', async () => {
      server = await startRedisServer();
      open(server.port, { max_in_flight_commands: 10 });
      await read();
      server.pause();
      const waiting = Array.from({ length: 10 }, () => read({ deadline: Date.now() + 200 }).catch(() => 'late'));
      await storeErrorOf(read(), 'STORE_OVERLOADED');
      await Promise.all(waiting);
      // The ten are still unanswered, though nobody waits for them any more.
      await storeErrorOf(read(), 'STORE_OVERLOADED');
      server.resume();
      await succeedsWithin(1500, read);
    });

    it('says that a name does not resolve', async () => {
      const config = RedisOnlineStoreConfig.parse({ connection_string: 'no-such-host.invalid:6379' });
      store = new RedisOnlineStore(config, { project: 'p', repoPath: '/', warn: () => {} });
      const error = await storeErrorOf(store.ping(), 'STORE_UNAVAILABLE');
      assert.match(error.message, /no-such-host\.invalid:6379 cannot be reached/);
    });

    it('waits for nothing once it is closed, even while it connects', async () => {
      open(await findFreePort());
      const call = read().catch((error: unknown) => error);
      await store.close();
      assert.ok((await call) instanceof StoreError);
      await storeErrorOf(read(), 'STORE_CLOSED');
    });
  });

  describe('of credentials', () => {
    it('asks for the password that is missing', async () => {
      server = await startRedisServer({ args: ['--requirepass', PASSWORD], client: { password: PASSWORD } });
      open(server.port);
      const error = await storeErrorOf(read(), 'STORE_AUTH_FAILED');
      assert.match(error.describe(), /asks for a password.*connection_string/);
    });

    it('never repeats a wrong password, not even in the cause', async () => {
      server = await startRedisServer({ args: ['--requirepass', 'right'], client: { password: 'right' } });
      open(server.port, {}, `,password=${PASSWORD}`);
      for (let call = 0; call < 3; call++) {
        const error = await storeErrorOf(read(), 'STORE_AUTH_FAILED');
        assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes(PASSWORD));
        await sleep(30);
      }
    });

    it('authenticates with user name, password and database number', async () => {
      const acl = ['--user', 'feast', 'on', `>${PASSWORD}`, '~*', '+@all'];
      server = await startRedisServer({ args: acl });
      open(server.port, {}, `,username=feast,password=${PASSWORD},db=3`);
      await store.onlineWriteBatch(table, [driverRow(1, 100, { trips: 1 })]);
      await server.client.select(3);
      assert.equal(await server.client.dbsize(), 1);
    });

    it('says that the user may not write', async () => {
      const acl = ['--user', 'reader', 'on', `>${PASSWORD}`, '~*', '+hmget', '+ping', '+select'];
      server = await startRedisServer({ args: acl });
      open(server.port, {}, `,username=reader,password=${PASSWORD}`);
      await read();
      const write = store.onlineWriteBatch(table, [driverRow(1, 100, { trips: 1 })]);
      const error = await storeErrorOf(write, 'STORE_PERMISSION_DENIED');
      assert.match(error.hint ?? '', /writing EVALSHA, EVAL, HGET, HSET and EXPIRE/);
    });
  });

  describe('of what is stored', () => {
    it('says that a key is not a hash', async () => {
      server = await startRedisServer();
      open(server.port);
      await store.onlineWriteBatch(table, [driverRow(1, 100, { trips: 1 })]);
      const [key] = await server.client.keysBuffer('*');
      assert.ok(key);
      await server.client.set(key, 'not a hash');
      await storeErrorOf(read(), 'STORE_WRONG_LAYOUT');
      await storeErrorOf(store.onlineWriteBatch(table, [driverRow(1, 200, { trips: 1 })]), 'STORE_WRONG_LAYOUT');
    });

    it('says that a stored time is not a Timestamp, when reading and when comparing', async () => {
      server = await startRedisServer();
      open(server.port);
      await store.onlineWriteBatch(table, [driverRow(1, 100, { trips: 1 })]);
      const [key] = await server.client.keysBuffer('*');
      assert.ok(key);
      for (const broken of [Buffer.from([0x08]), Buffer.from('2026-01-01'), Buffer.from('10ffffffff07', 'hex')]) {
        await server.client.hset(key, '_ts:stats', broken);
        const error = await storeErrorOf(read(), 'STORE_CORRUPT');
        assert.match(error.message, /feature view "stats" of project "p"/);
        await storeErrorOf(store.onlineWriteBatch(table, [driverRow(1, 200, { trips: 1 })]), 'STORE_CORRUPT');
      }
    });

    it('hands value bytes on as they are: what reads them judges them', async () => {
      server = await startRedisServer();
      open(server.port);
      const values = new Map([['trips', Buffer.from('garbage')]]);
      const eventTimestamp = { seconds: 100, nanos: 0 };
      await store.onlineWriteBatch(table, [{ entityKey: driverKey(1), eventTimestamp, values }]);
      assert.deepEqual(await storedDriver(store, table, 1), {
        seconds: 100,
        trips: Buffer.from('garbage').toString('hex'),
      });
    });

    it('shows values without a time with 1970', async () => {
      server = await startRedisServer();
      open(server.port);
      await store.onlineWriteBatch(table, [driverRow(1, 100, { trips: 1 })]);
      const [key] = await server.client.keysBuffer('*');
      assert.ok(key);
      await server.client.hdel(key, '_ts:stats');
      assert.deepEqual(await storedDriver(store, table, 1), { seconds: 0, trips: '2001' });
    });
  });

  describe('of the server', () => {
    for (const [reply, code, says] of [
      ['-LOADING Redis is loading the dataset in memory', 'STORE_UNAVAILABLE', /is loading its data/],
      ['-CLUSTERDOWN The cluster is down', 'STORE_UNAVAILABLE', /cluster/],
      ['-TRYAGAIN Multiple keys request during rehashing of slot', 'STORE_UNAVAILABLE', /cluster/],
      ['-MOVED 3999 127.0.0.1:6381', 'STORE_UNAVAILABLE', /redis_cluster/],
      ['-MASTERDOWN Link with MASTER is down', 'STORE_UNAVAILABLE', /cannot answer/],
      ["-READONLY You can't write against a read only replica.", 'STORE_READ_ONLY', /replica/],
      ['-OOM command not allowed when used memory > maxmemory.', 'STORE_OVERLOADED', /out of memory/],
      ['-NOAUTH Authentication required.', 'STORE_AUTH_FAILED', /password/],
      ['-ERR Protocol error: unauthenticated multibulk length', 'STORE_AUTH_FAILED', /password/],
      ['-NOPERM this user has no permissions', 'STORE_PERMISSION_DENIED', /does not allow/],
      ['-WRONGTYPE Operation against a key', 'STORE_WRONG_LAYOUT', /of another type/],
      ['-MISCONF Redis is configured to save RDB snapshots', 'STORE_READ_ONLY', /refuses writes/],
      ['-ERR something else', 'STORE_FAILED', /unexpected/],
      ['+OK', 'STORE_CORRUPT', /Redis sent a reply that begins with byte 43/],
      ['*2\r\n:1\r\n:2', 'STORE_CORRUPT', /Redis sent an element that begins with byte 58/],
      ['*0', 'STORE_CORRUPT', /Redis sent an array of 0 where \d+ were asked for/],
    ] as const) {
      it(`turns the reply ${JSON.stringify(reply)} into ${code}`, async () => {
        faulty = await startRespServer(() => `${reply}\r\n`);
        open(faulty.port);
        const error = await storeErrorOf(read(), code);
        assert.match(error.describe(), says);
      });
    }

    it('gives up a connection that answers nonsense', async () => {
      faulty = await startRespServer(() => 'HTTP/1.1 400 Bad Request\r\n\r\n');
      open(faulty.port);
      const error = await read().catch((reason: unknown) => reason);
      assert.ok(error instanceof StoreError, String(error));
      assert.ok(['STORE_UNAVAILABLE', 'STORE_FAILED', 'STORE_CORRUPT'].includes(error.code), error.code);
    });
  });
});
