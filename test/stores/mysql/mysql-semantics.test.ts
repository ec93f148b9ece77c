import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MySQLOnlineStore } from '../../../src/stores/mysql/mysql-online-store.ts';
import type { OnlineTable } from '../../../src/stores/online-store.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { type MysqlServer, sharedMysqlServer, startMysqlServer } from '../../support/mysql-server.ts';
import { type OpenMysqlStore, openMysqlStore } from '../../support/mysql-store.ts';
import { createCertificates } from '../../support/redis-topologies.ts';
import { changeOf, driverKey, driverRow, int64Bytes, storedDriver, storeErrorOf } from '../../support/store-rows.ts';
import { TestAuthority } from '../../support/tls-certificates.ts';

const DATABASE = 'semantics';
const table = tableWith('p', 'stats', ['driver_id'], ['a', 'b', 'c', 'd']);

describe('the MySQL store', function () {
  this.timeout(60_000);
  let server: MysqlServer;
  let store: MySQLOnlineStore;

  before(async () => {
    server = await sharedMysqlServer();
  });

  beforeEach(() => server.createDatabase(DATABASE));

  afterEach(() => store?.close());

  const open = async (options: Partial<OpenMysqlStore> = {}, tables: readonly OnlineTable[] = [table]) => {
    store = openMysqlStore({ server, database: DATABASE, ...options });
    await store.update(changeOf({ tablesToKeep: tables }));
  };

  it('shows the time of the last feature by name, of all that are stored, asked for or not', async () => {
    await open();
    await store.onlineWriteBatch(table, [driverRow(1, 3000, { a: 1, b: 1 })]);
    await store.onlineWriteBatch(table, [driverRow(1, 1000, { b: 2 })]);
    await store.onlineWriteBatch(table, [driverRow(1, 2000, { a: 2 })]);
    for (const features of [['a'], ['b'], ['c'], ['a', 'b', 'c', 'd'], []]) {
      const [row] = await store.onlineRead(table, [driverKey(1)], features);
      assert.equal(row?.eventTimestamp.seconds, 1000, features.join());
    }
  });

  it('refuses features that the database takes for the same, and says how to tell them apart', async () => {
    const similar = tableWith('p', 'similar', ['driver_id'], ['trips', 'Trips']);
    await open({}, [similar]);
    const row = driverRow(1, 1000, { trips: 1, Trips: 2 });
    const error = await storeErrorOf(store.onlineWriteBatch(similar, [row]), 'STORE_INVALID_ROW');
    assert.match(error.describe(), /"(trips|Trips)" and "(trips|Trips)".*the same to MySQL.*utf8mb4_bin/s);
    await server.query(
      `ALTER TABLE p_similar MODIFY feature_name VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL`,
      DATABASE,
    );
    await store.onlineWriteBatch(similar, [row]);
    assert.deepEqual(await storedDriver(store, similar, 1), { seconds: 1000, trips: '2001', Trips: '2002' });
  });

  it('gives no feature the value of another one that the database takes for the same', async () => {
    const other = tableWith('p', 'stats', ['driver_id'], ['A']);
    await open();
    await store.onlineWriteBatch(table, [driverRow(1, 1000, { a: 1 })]);
    assert.deepEqual(await storedDriver(store, other, 1), { seconds: 1000 });
  });

  it('writes and reads times as Feast does, whatever the zone of the server', async () => {
    const [zone] = await server.query('SELECT @@GLOBAL.time_zone AS zone');
    await server.query("SET GLOBAL time_zone = '-05:00'");
    try {
      await open();
      await store.onlineWriteBatch(table, [driverRow(1, 1_768_032_000, { a: 1 })]);
      const [stored] = await server.query('SELECT event_ts FROM p_stats', DATABASE);
      assert.equal(stored?.event_ts, '2026-01-10 08:00:00');
      assert.equal((await store.onlineRead(table, [driverKey(1)]))[0]?.eventTimestamp.seconds, 1_768_032_000);
      await store.close();
      // The same instant, shown in the zone of another session.
      await open({ settings: { time_zone: '+00:00' } });
      assert.equal((await store.onlineRead(table, [driverKey(1)]))[0]?.eventTimestamp.seconds, 1_768_050_000);
    } finally {
      await server.query(`SET GLOBAL time_zone = '${String(zone?.zone)}'`);
    }
  });

  it('refuses a time that the column cannot hold, and cuts fractions off', async () => {
    await open({ settings: { time_zone: '+00:00' } });
    for (const seconds of [0, -1, 2 ** 31, 1e13]) {
      await storeErrorOf(store.onlineWriteBatch(table, [driverRow(1, seconds, { a: 1 })]), 'STORE_INVALID_ROW');
    }
    const row = { ...driverRow(1, 1, { a: 1 }), eventTimestamp: { seconds: 2_147_483_647, nanos: 999_999_999 } };
    await store.onlineWriteBatch(table, [row]);
    const [read] = await store.onlineRead(table, [driverKey(1)]);
    assert.deepEqual(read?.eventTimestamp, { seconds: 2_147_483_647, nanos: 0 });
  });

  it('says what is wrong with a value that is NULL and a time that is none', async () => {
    await open();
    await store.onlineWriteBatch(table, [driverRow(1, 1000, { a: 1, b: 2 }), driverRow(2, 1000, { a: 1 })]);
    await server.query("UPDATE p_stats SET value = NULL WHERE feature_name = 'b'", DATABASE);
    assert.deepEqual(
      (await store.onlineRead(table, [driverKey(1)], ['a']))[0]?.values.get('a'),
      Buffer.from(int64Bytes(1)),
    );
    const error = await storeErrorOf(store.onlineRead(table, [driverKey(2), driverKey(1)]), 'STORE_CORRUPT');
    assert.match(error.message, /Feature "b" in row 1 of feature view "stats" of project "p" is stored as NULL/);
    await server.query("SET sql_mode = ''; UPDATE p_stats SET event_ts = '0000-00-00 00:00:00'", DATABASE);
    await storeErrorOf(store.onlineRead(table, [driverKey(2)]), 'STORE_CORRUPT');
    await server.query('UPDATE p_stats SET event_ts = NULL', DATABASE);
    assert.deepEqual(await storedDriver(store, table, 2), { seconds: 0, a: '2001' });
  });

  it('reads value by value what is more than the server gathers', async () => {
    const [limit] = await server.query('SELECT @@GLOBAL.max_allowed_packet AS bytes');
    const wide = tableWith(
      'p',
      'wide',
      ['driver_id'],
      Array.from({ length: 40 }, (_, n) => `f${n}`),
    );
    const value = Buffer.concat([Buffer.from([0x1a, 0xe0, 0xd4, 0x03]), Buffer.alloc(60_000, 7)]);
    const values = new Map(wide.features.map(({ name }) => [name, value]));
    await server.query(`SET GLOBAL max_allowed_packet = ${1024 * 1024}`);
    try {
      await open({}, [wide]);
      await store.onlineWriteBatch(wide, [
        { entityKey: driverKey(1), eventTimestamp: { seconds: 1, nanos: 0 }, values },
      ]);
      const [row] = await store.onlineRead(wide, [driverKey(1)], ['f0', 'f39', 'f7']);
      assert.deepEqual([...(row?.values.keys() ?? [])], ['f0', 'f39', 'f7']);
      const whole = await store.onlineRead(wide, [driverKey(1), driverKey(2), driverKey(1)]);
      assert.equal(whole[1], undefined);
      for (const each of [whole[0], whole[2]]) {
        assert.equal(each?.values.size, 40);
        for (const read of each.values.values()) assert.ok(value.equals(read));
      }
    } finally {
      await server.query(`SET GLOBAL max_allowed_packet = ${String(limit?.bytes)}`);
    }
  });

  it('holds views in any script of the basic plane, with quotes, and refuses names that MySQL cannot have', async () => {
    const named = tableWith('größe', '数量`\'"\\ x', ['driver_id'], ["it's", 'a`b', 'per%_']);
    await open({}, [named]);
    await store.onlineWriteBatch(named, [driverRow(1, 1000, { "it's": 1, 'a`b': 2, 'per%_': 3 })]);
    assert.deepEqual(await storedDriver(store, named, 1), {
      seconds: 1000,
      "it's": '2001',
      'a`b': '2002',
      'per%_': '2003',
    });
    assert.deepEqual(await store.listTables('größe'), ['数量`\'"\\ x']);
    for (const name of ['x'.repeat(63), '😀', 'ends ', 'nul\0']) {
      const error = await storeErrorOf(
        store.update(changeOf({ tablesToKeep: [tableWith('p', name, ['driver_id'], ['a'])] })),
        'STORE_INVALID_ROW',
      );
      assert.match(error.hint ?? '', /another name/);
    }
  });

  it('adds the index to a table of the guide for stores of one’s own, once', async () => {
    await server.query(
      `CREATE TABLE p_stats (entity_key VARCHAR(512), feature_name VARCHAR(256), value BLOB, event_ts timestamp,
       created_ts timestamp, PRIMARY KEY(entity_key, feature_name))`,
      DATABASE,
    );
    await open();
    await open();
    const indexes = await server.query("SHOW INDEX FROM p_stats WHERE Key_name = 'p_stats_ek'", DATABASE);
    assert.equal(indexes.length, 1);
    await store.onlineWriteBatch(table, [driverRow(1, 1000, { a: 1 })]);
    assert.deepEqual(await storedDriver(store, table, 1), { seconds: 1000, a: '2001' });
  });

  it('says that a table has other columns, and that the user may not write', async () => {
    await server.query('CREATE TABLE p_stats (entity_key INT, other INT)', DATABASE);
    store = openMysqlStore({ server, database: DATABASE });
    await storeErrorOf(store.onlineRead(table, [driverKey(1)]), 'STORE_WRONG_LAYOUT');
    assert.deepEqual(await store.listTables('p'), []);
    await server.query('DROP TABLE p_stats', DATABASE);
    await store.update(changeOf({ tablesToKeep: [table] }));
    await store.close();
    await server.query("CREATE OR REPLACE USER reader@'127.0.0.1' IDENTIFIED BY 'reader'");
    await server.query(`GRANT SELECT ON ${DATABASE}.* TO reader@'127.0.0.1'`);
    store = openMysqlStore({ server, database: DATABASE, config: { user: 'reader', password: 'reader' } });
    assert.deepEqual(await store.onlineRead(table, [driverKey(1)]), [undefined]);
    const error = await storeErrorOf(
      store.onlineWriteBatch(table, [driverRow(1, 1000, { a: 1 })]),
      'STORE_PERMISSION_DENIED',
    );
    assert.match(error.message, /does not allow the user to do this: INSERT(, UPDATE)? on .*`p_stats`/);
    assert.match(error.hint ?? '', /writing INSERT and UPDATE/);
  });

  it('says that the server takes no writes', async () => {
    await open();
    await server.query("CREATE OR REPLACE USER writer@'127.0.0.1' IDENTIFIED BY 'writer'");
    await server.query(`GRANT ALL ON ${DATABASE}.* TO writer@'127.0.0.1'`);
    await store.close();
    store = openMysqlStore({ server, database: DATABASE, config: { user: 'writer', password: 'writer' } });
    await server.query('SET GLOBAL read_only = 1');
    try {
      await storeErrorOf(store.onlineWriteBatch(table, [driverRow(1, 1000, { a: 1 })]), 'STORE_READ_ONLY');
    } finally {
      await server.query('SET GLOBAL read_only = 0');
    }
  });
});

describe('the MySQL store over TLS', function () {
  this.timeout(60_000);
  let folder = '';
  let server: MysqlServer | undefined;
  let store: MySQLOnlineStore | undefined;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sideboard-mysql-tls-'));
    const { cert, key } = createCertificates(folder);
    server = await startMysqlServer([`--ssl-cert=${cert}`, `--ssl-key=${key}`]);
    await server.createDatabase(DATABASE);
    await server.query("CREATE USER secure@'127.0.0.1' IDENTIFIED BY 'secure' REQUIRE SSL");
    await server.query(`GRANT ALL ON ${DATABASE}.* TO secure@'127.0.0.1'`);
  });

  afterEach(() => store?.close());

  after(async () => {
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = (settings: object, host = '127.0.0.1'): MySQLOnlineStore => {
    assert.ok(server);
    const config = { host, user: 'secure', password: 'secure' };
    store = openMysqlStore({ server, database: DATABASE, config, settings, repoPath: folder });
    return store;
  };

  it('encrypts, and checks the certificate where it is told to', async () => {
    await open({ tls: 'require' }).ping();
    await store?.close();
    await open({ tls: 'verify-ca', tls_ca: 'ca.pem' }).ping();
  });

  it('refuses a certificate that nobody vouches for, a host that is an address, and files that are not there', async () => {
    const untrusted = await storeErrorOf(open({ tls: 'verify-ca' }).ping(), 'STORE_UNAVAILABLE');
    assert.match(untrusted.describe(), /over TLS/);
    await store?.close();
    const address = await storeErrorOf(open({ tls: 'verify-full', tls_ca: 'ca.pem' }).ping(), 'STORE_UNAVAILABLE');
    assert.match(address.message, /is an address/);
    await store?.close();
    const missing = await storeErrorOf(open({ tls: 'require', tls_ca: 'none.pem' }).ping(), 'STORE_UNAVAILABLE');
    assert.match(missing.message, /sideboard\.mysql\.tls_ca cannot be read/);
  });

  it('compares the name of the server with its certificate where it is told to', async () => {
    const reach = (tls: string, authority: string) => open({ tls, tls_ca: authority }, 'localhost').ping();
    const misnamed = await storeErrorOf(reach('verify-full', 'ca.pem'), 'STORE_UNAVAILABLE');
    assert.match(misnamed.describe(), /over TLS/);
    await store?.close();
    await reach('verify-ca', 'ca.pem');
    await store?.close();
    const { cert, key } = new TestAuthority(folder, 'named').issue({ names: 'DNS:localhost' });
    copyFileSync(cert, join(folder, 'server.pem'));
    copyFileSync(key, join(folder, 'server.key'));
    await server?.query('FLUSH SSL');
    await reach('verify-full', 'named.pem');
  });

  it('says that the user must come encrypted', async () => {
    const error = await storeErrorOf(open({}).ping(), 'STORE_AUTH_FAILED');
    assert.match(error.describe(), /password/);
  });
});
