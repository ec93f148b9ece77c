import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OnlineStore } from '../../src/stores/online-store.ts';
import { connectWithNewest, PasswordFile } from '../../src/stores/password-file.ts';
import {
  RedisOnlineStore,
  RedisOnlineStoreConfig,
  RedisOnlineStoreSettings,
} from '../../src/stores/redis/redis-online-store.ts';
import { StoreError } from '../../src/stores/store-error.ts';
import { tableWith } from '../support/golden-stores.ts';
import { sharedMysqlServer } from '../support/mysql-server.ts';
import { openMysqlStore } from '../support/mysql-store.ts';
import { sharedPostgresServer } from '../support/postgres-server.ts';
import { openPostgresStore } from '../support/postgres-store.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { startRedisCluster } from '../support/redis-topologies.ts';
import { driverKey, storeErrorOf } from '../support/store-rows.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

const FILE = 'password';
const DATABASE = 'password_file';
const table = tableWith('p', 'stats', ['driver_id'], ['trips']);

/** A server whose user `feast` gets another password. */
interface Rotation {
  open(repoPath: string): OnlineStore;
  /** Gives the user a password, and hangs up on all its connections. */
  rotate(password: string): Promise<void>;
  remove(): Promise<void>;
}

async function rotateRedis(servers: readonly RedisServer[], password: string): Promise<void> {
  for (const { client } of servers) {
    await client.call('ACL', 'SETUSER', 'feast', 'on', 'resetpass', `>${password}`, '~*', '+@all');
    await client.call('CLIENT', 'KILL', 'USER', 'feast').catch(() => undefined);
  }
}

function openRedis(servers: readonly RedisServer[], repoPath: string, config: object = {}): OnlineStore {
  const nodes = servers.map(({ port }) => `127.0.0.1:${port}`).join(',');
  return new RedisOnlineStore(
    RedisOnlineStoreConfig.parse({ connection_string: `${nodes},username=feast,password=not-this-one`, ...config }),
    { project: 'p', repoPath, warn: () => {} },
    RedisOnlineStoreSettings.parse({ password_file: FILE, reconnect_max_delay_ms: 50 }),
  );
}

const rotations: Readonly<Record<string, () => Promise<Rotation>>> = {
  Redis: async () => {
    const server = await startRedisServer();
    return {
      open: (repoPath) => openRedis([server], repoPath),
      rotate: (password) => rotateRedis([server], password),
      remove: () => server.remove(),
    };
  },
  'Redis Cluster': async () => {
    const { masters, remove } = await startRedisCluster();
    return {
      open: (repoPath) => openRedis(masters, repoPath, { redis_type: 'redis_cluster' }),
      rotate: (password) => rotateRedis(masters, password),
      remove,
    };
  },
  MySQL: async () => {
    const server = await sharedMysqlServer();
    const user = "feast@'127.0.0.1'";
    await server.createDatabase(DATABASE);
    await server.query(`CREATE OR REPLACE USER ${user} IDENTIFIED BY 'none'; GRANT ALL ON ${DATABASE}.* TO ${user}`);
    return {
      open: (repoPath) =>
        openMysqlStore({
          server,
          database: DATABASE,
          config: { user: 'feast' },
          settings: { password_file: FILE },
          repoPath,
        }),
      async rotate(password) {
        await server.query(`ALTER USER ${user} IDENTIFIED BY '${password}'; KILL USER feast`);
      },
      remove: async () => {
        await server.query(`DROP USER ${user}; DROP DATABASE ${DATABASE}`);
      },
    };
  },
  PostgreSQL: async () => {
    const server = await sharedPostgresServer();
    await server.createDatabase(DATABASE);
    await server.query(`CREATE ROLE feast LOGIN; ALTER DATABASE ${DATABASE} OWNER TO feast`);
    return {
      open: (repoPath) =>
        openPostgresStore({
          server,
          database: DATABASE,
          config: { user: 'feast' },
          settings: { password_file: FILE },
          repoPath,
        }),
      async rotate(password) {
        const connections = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'feast'";
        await server.query(`ALTER ROLE feast PASSWORD '${password}'; ${connections}`);
      },
      remove: async () => {
        await server.query(`DROP DATABASE ${DATABASE} WITH (FORCE)`);
        await server.query('DROP ROLE feast');
      },
    };
  },
};

describe('a password that comes from a file', () => {
  const folder = useTempFolder();
  const file = (password: string): void => writeFileSync(join(folder(), FILE), password);
  const refusal = new StoreError('STORE_AUTH_FAILED', 'It was refused.');
  let attempts: number;

  /** Connects by a password that is refused, while the file is replaced. */
  const connect = (secret: PasswordFile, replacement: string, error = refusal): Promise<never> =>
    connectWithNewest(secret, async () => {
      attempts++;
      secret.read();
      file(replacement);
      throw error;
    });

  beforeEach(() => {
    attempts = 0;
    file('first');
  });

  it('has another version once it is another password', () => {
    const secret = new PasswordFile('setting', FILE, folder());
    const version = secret.version();
    file('first\n');
    assert.equal(secret.version(), version);
    file('second');
    assert.equal(secret.read(), 'second');
    const next = secret.version();
    assert.notEqual(next, version);
    rmSync(join(folder(), FILE));
    assert.equal(secret.version(), next);
    assert.equal(secret.read(), 'second');
  });

  it('is tried once more where it was replaced while the server refused it, and only then', async () => {
    const secret = new PasswordFile('setting', FILE, folder());
    await assert.rejects(connect(secret, 'second'), refusal);
    assert.equal(attempts, 2);
    await assert.rejects(connect(secret, 'second'), refusal);
    assert.equal(attempts, 3);
    const away = new StoreError('STORE_UNAVAILABLE', 'It is away.');
    await assert.rejects(connect(secret, 'third', away), away);
    assert.equal(attempts, 4);
  });
});

for (const [name, start] of Object.entries(rotations)) {
  describe(`a password of ${name} that comes from a file`, function () {
    this.timeout(60_000);

    const folder = useTempFolder();
    let rotation: Rotation;
    let store: OnlineStore;

    before(async () => {
      rotation = await start();
    });

    beforeEach(() => {
      store = rotation.open(folder());
    });

    afterEach(() => store.close());

    after(() => rotation.remove());

    const file = (password: string): void => writeFileSync(join(folder(), FILE), `${password}\n`);
    /** Reads a row; that its table was never made is an answer as well. */
    const read = async (): Promise<void> => {
      try {
        await store.onlineRead(table, [driverKey(1)]);
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'STORE_TABLE_MISSING') throw error;
      }
    };
    const served = (): Promise<true> =>
      until(
        () =>
          read().then(
            () => true as const,
            () => undefined,
          ),
        () => `${name} is not read`,
        20_000,
      );

    it('is read for every connection, so that it may change meanwhile', async () => {
      await rotation.rotate('first-4711');
      file('first-4711');
      await read();
      await rotation.rotate('second-4711');
      const refused = await until(
        () =>
          read().then(
            () => undefined,
            (error: unknown) => (error instanceof StoreError && error.code === 'STORE_AUTH_FAILED' ? error : undefined),
          ),
        () => `${name} refuses nobody`,
        20_000,
      );
      assert.doesNotMatch(refused.describe() + String(refused.cause), /4711/);
      file('second-4711');
      // The very first call, whatever pause the one before has left behind.
      await read();
      await store.ping();
    });

    it('stays what it was while the file is away, and has to be there once', async () => {
      await rotation.rotate('third-4711');
      const error = await storeErrorOf(read(), 'STORE_UNAVAILABLE');
      assert.match(error.message, /^The file of sideboard\.\w+\.password_file cannot be read: /);
      file('third-4711');
      await served();
      rmSync(join(folder(), FILE));
      await rotation.rotate('third-4711');
      await served();
    });
  });
}
