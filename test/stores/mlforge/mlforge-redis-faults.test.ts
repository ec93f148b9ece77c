import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import {
  MlforgeRedisOnlineStore,
  MlforgeRedisOnlineStoreConfig,
  MlforgeRedisOnlineStoreSettings,
} from '../../../src/stores/mlforge-redis/mlforge-redis-online-store.ts';
import type { OnlineTable } from '../../../src/stores/online-store.ts';
import { StoreError } from '../../../src/stores/store-error.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { type RespServer, startRespServer } from '../../support/resp-server.ts';
import { driverKey, driverRow, storedDriver, storeErrorOf } from '../../support/store-rows.ts';

const PASSWORD = 'sesame-4711';
const table: OnlineTable = {
  project: 'p',
  name: 'stats',
  joinKeys: ['driver_id'],
  features: [{ name: 'trips', valueType: ValueType_Enum.INT64 }],
};

describe("the store of mlforge's rows in Redis, in trouble", () => {
  let store: MlforgeRedisOnlineStore;
  let server: RedisServer | undefined;
  let faulty: RespServer | undefined;

  afterEach(async () => {
    await store?.close();
    await server?.remove();
    await faulty?.close();
    server = undefined;
    faulty = undefined;
  });

  const open = (port: number, settings: object = {}, config: object = {}): void => {
    store = new MlforgeRedisOnlineStore(
      MlforgeRedisOnlineStoreConfig.parse({ host: '127.0.0.1', port, ...config }),
      { project: 'p', repoPath: '/', warn: () => {} },
      MlforgeRedisOnlineStoreSettings.parse(settings),
    );
  };
  const read = (options = {}): Promise<unknown> => store.onlineRead(table, [driverKey(1)], undefined, options);
  const write = (): Promise<void> => store.onlineWriteBatch(table, [driverRow(1, 0, { trips: 7 })]);

  /** The time until a call succeeds; meanwhile it may only fail with a code. */
  const recovered = async (call: () => Promise<unknown>): Promise<number> => {
    const started = Date.now();
    for (;;) {
      try {
        await call();
        return Date.now() - started;
      } catch (error) {
        assert.ok(error instanceof StoreError, String(error));
        assert.ok(Date.now() - started < 10_000, `still failing: ${error.message}`);
        await sleep(20);
      }
    }
  };

  it('fails with a code while Redis is away, and serves within two seconds of its return', async () => {
    server = await startRedisServer();
    open(server.port);
    await write();
    await server.stop();
    const error = await storeErrorOf(read(), 'STORE_UNAVAILABLE');
    assert.match(error.describe(), /Redis at 127\.0\.0\.1:\d+ cannot be reached/);
    await storeErrorOf(write(), 'STORE_UNAVAILABLE');
    await server.start();
    assert.ok((await recovered(read)) < 2000);
    assert.ok((await recovered(write)) < 2000);
    assert.deepEqual(await storedDriver(store, table, 1), { seconds: 0, trips: '2007' });
  });

  it('lets apply fail while Redis is away', async () => {
    server = await startRedisServer();
    open(server.port);
    const apply = () =>
      store.update({
        tablesToKeep: [table],
        tablesToDelete: [],
        entitiesToKeep: [],
        entitiesToDelete: [],
        partial: false,
      });
    await apply();
    await server.stop();
    await storeErrorOf(apply(), 'STORE_UNAVAILABLE');
  });

  it('ends calls at their deadline while Redis is silent, and serves again when it is not', async () => {
    server = await startRedisServer();
    open(server.port, { command_timeout_ms: 300 });
    await write();
    await read();
    server.pause();
    await storeErrorOf(read({ deadline: Date.now() + 100 }), 'STORE_TIMEOUT');
    await storeErrorOf(read(), 'STORE_TIMEOUT');
    server.resume();
    assert.ok((await recovered(read)) < 2000);
  });

  it('shows no caller that one connection was lost while Redis is there', async () => {
    server = await startRedisServer();
    open(server.port);
    await write();
    for (let round = 0; round < 10; round++) {
      await server.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      assert.deepEqual(await storedDriver(store, table, 1), { seconds: 0, trips: '2007' });
    }
  });

  it('tells a missing password from a wrong one, and repeats neither', async () => {
    server = await startRedisServer({ args: ['--requirepass', PASSWORD], client: { password: PASSWORD } });
    for (const [password, says] of [
      [undefined, /asks for a password/],
      ['wrong-0815', /refused the username or password/],
    ] as const) {
      open(server.port, {}, { password });
      const error = await storeErrorOf(read(), 'STORE_AUTH_FAILED');
      assert.match(error.message, says);
      assert.equal(error.hint, 'Check online_store.password.');
      assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes('wrong-0815'));
      await store.close();
    }
    open(server.port, {}, { password: PASSWORD });
    await write();
    await read();
  });

  it('says what a user has to be allowed', async () => {
    server = await startRedisServer({ args: ['--user', 'default', 'on', 'nopass', '~*', '+@all', '-set'] });
    open(server.port);
    const error = await storeErrorOf(write(), 'STORE_PERMISSION_DENIED');
    assert.match(error.hint ?? '', /Serving needs GET and PING; writing SET and SETEX/);
  });

  it('takes no half reply for a row, and no reply of another kind', async () => {
    const replies: Record<string, string> = { get: '$20\r\n{"trips"' };
    faulty = await startRespServer(([command = '']) => replies[command.toLowerCase()] ?? '+OK\r\n');
    open(faulty.port, { command_timeout_ms: 200 });
    await storeErrorOf(read(), 'STORE_TIMEOUT');
    await store.close();
    replies.get = ':5\r\n';
    open(faulty.port);
    await storeErrorOf(read(), 'STORE_CORRUPT');
  });
});
