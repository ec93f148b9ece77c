import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  RedisOnlineStore,
  RedisOnlineStoreConfig,
  RedisOnlineStoreSettings,
} from '../../../src/stores/redis/redis-online-store.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { type RedisServer, startRedisServer } from '../../support/redis-server.ts';
import { driverKey, storeErrorOf } from '../../support/store-rows.ts';
import { useTempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';

const table = tableWith('p', 'stats', ['driver_id'], ['trips']);

describe('the Redis store whose password is refused', function () {
  this.timeout(60_000);

  const folder = useTempFolder();
  let server: RedisServer;
  let store: RedisOnlineStore;

  before(async () => {
    server = await startRedisServer();
  });

  beforeEach(async () => {
    await setPassword('first');
    file('first');
    store = new RedisOnlineStore(
      RedisOnlineStoreConfig.parse({ connection_string: `127.0.0.1:${server.port},username=feast` }),
      { project: 'p', repoPath: folder(), warn: () => {} },
      RedisOnlineStoreSettings.parse({ password_file: 'password', reconnect_max_delay_ms: 600_000 }),
    );
    await read();
  });

  afterEach(() => store.close());

  after(() => server.remove());

  const file = (password: string): void => writeFileSync(join(folder(), 'password'), password);
  const setPassword = async (password: string): Promise<void> => {
    await server.client.call('ACL', 'SETUSER', 'feast', 'on', 'resetpass', `>${password}`, '~*', '+@all');
    await server.client.call('CLIENT', 'KILL', 'USER', 'feast');
  };
  const read = (): Promise<unknown> => store.onlineRead(table, [driverKey(1)]);
  const refused = (): Promise<unknown> => storeErrorOf(read(), 'STORE_AUTH_FAILED');
  /** Connections that the server was asked for since it runs. */
  const connects = async (): Promise<number> => {
    const info = await server.client.info('stats');
    return Number(/total_connections_received:(\d+)/.exec(info)?.[1]);
  };
  /** Waits until attempts to connect have made the pause before the next one longer than 150 ms. */
  const longPause = async (): Promise<void> => {
    const start = await connects();
    await until(
      async () => ((await connects()) >= start + 5 ? true : undefined),
      () => 'it does not try to connect',
      20_000,
    );
    await refused();
  };

  it('is asked with another one by the next call, and with growing pauses, however many calls there are', async () => {
    await setPassword('second');
    await longPause();
    const before = await connects();
    const start = performance.now();
    file('third');
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 50 }, refused));
    const attempts = (await connects()) - before;
    // The first at once; from there on the pauses double from 10 ms at least.
    const most = 2 + Math.log2(1 + (performance.now() - start) / 10);
    assert.ok(attempts >= 1 && attempts <= most, `${attempts} attempts, at most ${most}`);
    file('second');
    await Promise.all(Array.from({ length: 50 }, read));
  });

  it('connects by itself once its pause is over, though nobody calls', async () => {
    await setPassword('second');
    await longPause();
    file('second');
    await until(
      async () => (/ user=feast /.test(String(await server.client.call('CLIENT', 'LIST'))) ? true : undefined),
      () => 'it does not connect',
      20_000,
    );
    const before = await connects();
    await read();
    assert.equal(await connects(), before);
  });

  it('does not connect any more once it is closed', async () => {
    await setPassword('second');
    await longPause();
    await store.close();
    const before = await connects();
    // The next attempt was due within 320 ms.
    await sleep(500);
    assert.equal(await connects(), before);
  });
});
