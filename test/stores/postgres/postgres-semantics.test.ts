import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { ValueSchema } from '../../../gen/feast/types/Value_pb.ts';
import type { OnlineTable } from '../../../src/stores/online-store.ts';
import type { PostgreSQLOnlineStore } from '../../../src/stores/postgres/postgres-online-store.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { type PostgresServer, sharedPostgresServer, startPostgresServer } from '../../support/postgres-server.ts';
import { type OpenPostgresStore, openPostgresStore } from '../../support/postgres-store.ts';
import { createCertificates } from '../../support/redis-topologies.ts';
import { changeOf, driverKey, driverRow, storedDriver, storeErrorOf } from '../../support/store-rows.ts';
import { TestAuthority } from '../../support/tls-certificates.ts';
import { startTlsDoor } from '../../support/tls-door.ts';

const DATABASE = 'semantics';
const table = tableWith('p', 'stats', ['driver_id'], ['a', 'b', 'c', 'd']);

describe('the PostgreSQL store', function () {
  this.timeout(60_000);
  let server: PostgresServer;
  let store: PostgreSQLOnlineStore;

  before(async () => {
    server = await sharedPostgresServer();
  });

  beforeEach(() => server.createDatabase(DATABASE));

  afterEach(() => store?.close());

  const open = async (options: Partial<OpenPostgresStore> = {}, tables: readonly OnlineTable[] = [table]) => {
    await store?.close();
    store = openPostgresStore({ server, database: DATABASE, ...options });
    await store.update(changeOf({ tablesToKeep: tables }));
  };

  it('shows the newest time of the features asked for, or of all where none of these is stored', async () => {
    await open();
    await store.onlineWriteBatch(table, [driverRow(1, 3000, { a: 1, b: 1 })]);
    await store.onlineWriteBatch(table, [driverRow(1, 1000, { b: 2 })]);
    for (const [features, seconds] of [
      [['a'], 3000],
      [['b'], 1000],
      [['b', 'c'], 1000],
      [['c'], 3000],
      [['a', 'b', 'c', 'd'], 3000],
      [[], 3000],
    ] as const) {
      const [row] = await store.onlineRead(table, [driverKey(1)], features);
      assert.equal(row?.eventTimestamp.seconds, seconds, features.join());
    }
  });

  it('writes points in time, whatever the zone of the server and its roles', async () => {
    await server.query(`ALTER DATABASE ${DATABASE} SET TimeZone = 'America/New_York'`);
    await server.query(`ALTER DATABASE ${DATABASE} SET DateStyle = 'SQL, DMY'`);
    await server.query(`ALTER DATABASE ${DATABASE} SET bytea_output = 'escape'`);
    await open();
    const times = [
      { seconds: 1_768_032_000, nanos: 123_456_789 },
      { seconds: 0, nanos: 0 },
      { seconds: -1, nanos: 999_999_000 },
      { seconds: -62_135_596_801, nanos: 0 },
      { seconds: 253_402_300_800, nanos: 1000 },
    ];
    for (const eventTimestamp of times) {
      await store.onlineWriteBatch(table, [
        { ...driverRow(1, 1, { a: 1 }), eventTimestamp, createdTimestamp: eventTimestamp },
      ]);
      const [row] = await store.onlineRead(table, [driverKey(1)]);
      assert.deepEqual(row?.eventTimestamp, {
        ...eventTimestamp,
        nanos: Math.floor(eventTimestamp.nanos / 1000) * 1000,
      });
    }
    await store.onlineWriteBatch(table, [driverRow(1, 1_768_032_000, { a: 1 })]);
    const [stored] = await server.query("SELECT (event_ts AT TIME ZONE 'UTC')::text AS utc FROM p_stats", DATABASE);
    assert.equal(stored?.utc, '10/01/2026 08:00:00');
    const impossible = driverRow(1, 9_300_000_000_000, { a: 1 });
    await storeErrorOf(store.onlineWriteBatch(table, [impossible]), 'STORE_INVALID_ROW');
  });

  it('says what is wrong with a value that is NULL and a time that is none', async () => {
    await open();
    await store.onlineWriteBatch(table, [driverRow(1, 1000, { a: 1, b: 2 }), driverRow(2, 1000, { a: 1 })]);
    await server.query("UPDATE p_stats SET value = NULL WHERE feature_name = 'b'", DATABASE);
    assert.equal((await store.onlineRead(table, [driverKey(1)], ['a']))[0]?.values.size, 1);
    const error = await storeErrorOf(store.onlineRead(table, [driverKey(2), driverKey(1)]), 'STORE_CORRUPT');
    assert.match(error.message, /Feature "b" in row 1 of feature view "stats" of project "p" is stored as NULL/);
    await server.query("UPDATE p_stats SET event_ts = 'infinity'", DATABASE);
    await storeErrorOf(store.onlineRead(table, [driverKey(2)]), 'STORE_CORRUPT');
    await server.query('UPDATE p_stats SET event_ts = NULL', DATABASE);
    assert.deepEqual(await storedDriver(store, table, 2), { seconds: 0, a: '2001' });
  });

  it('reads value by value where a name holds what separates the names', async () => {
    const odd = tableWith('p', 'odd', ['driver_id'], ['x\x01y', 'x', 'y']);
    await open({}, [odd]);
    await store.onlineWriteBatch(odd, [driverRow(1, 1000, { 'x\x01y': 1, y: 2 })]);
    assert.deepEqual(await storedDriver(store, odd, 1), { seconds: 1000, 'x\x01y': '2001', y: '2002' });
  });

  it('finds what Feast made under names that PostgreSQL cuts off, and refuses two that would be one', async () => {
    const name = `${'long_name_'.repeat(6)}é_with_more`;
    const long = tableWith('p', name, ['driver_id'], ['a']);
    await open({}, [long]);
    await store.onlineWriteBatch(long, [driverRow(1, 1000, { a: 1 })]);
    assert.deepEqual(await storedDriver(store, long, 1), { seconds: 1000, a: '2001' });
    const [created] = await server.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", DATABASE);
    assert.equal(created?.tablename, `p_${'long_name_'.repeat(6)}`);
    const version = { ...long, name: `${name}_v1` };
    const error = await storeErrorOf(store.onlineRead(version, [driverKey(1)]), 'STORE_INVALID_ROW');
    assert.match(error.message, /cuts names off at 63 bytes/);
    await storeErrorOf(store.onlineRead({ ...long, name: 'nul\0' }, [driverKey(1)]), 'STORE_INVALID_ROW');
  });

  it('keeps tables in the schema, and finds those of the schema public', async () => {
    await open();
    await store.onlineWriteBatch(table, [driverRow(1, 1000, { a: 1 })]);
    const schema = 'Features of "us"';
    store = openPostgresStore({ server, database: DATABASE, config: { db_schema: 'features' } });
    assert.deepEqual(await storedDriver(store, table, 1), { seconds: 1000, a: '2001' });
    await open({ config: { db_schema: 'features' } });
    assert.deepEqual(await storedDriver(store, table, 1), undefined);
    assert.deepEqual(await store.listTables('p'), ['stats']);
    await open({ config: { db_schema: schema } });
    await open({ config: { db_schema: '' } });
    const schemas = await server.query(
      "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|information_schema' ORDER BY 1",
      DATABASE,
    );
    assert.deepEqual(
      schemas.map(({ nspname }) => nspname),
      [schema, 'features', 'postgres', 'public'],
    );
  });

  it('fills the columns that Feast searches by, and leaves out those that old tables lack', async () => {
    const text = toBinary(ValueSchema, create(ValueSchema, { val: { case: 'stringVal', value: 'a\0b' } }));
    const list = create(ValueSchema, {
      val: { case: 'floatListVal', value: { $typeName: 'feast.types.FloatList', val: [0.5, 1] } },
    });
    const row = { ...driverRow(1, 1000, { a: 7 }) };
    const values = new Map([...row.values, ['b', text], ['c', toBinary(ValueSchema, list)]]);
    // A column of another type, as pgvector's is, that reads the same text.
    await server.query('CREATE DOMAIN vector AS real[]', DATABASE);
    await open({ config: { vector_enabled: true, enable_openai_compatible_store: true } });
    await server.query('ALTER TABLE p_stats ALTER vector_value TYPE text', DATABASE);
    await store.onlineWriteBatch(table, [{ ...row, values }]);
    const stored = await server.query(
      'SELECT feature_name, value_text, value_num, vector_value FROM p_stats ORDER BY feature_name',
      DATABASE,
    );
    assert.deepEqual(stored, [
      { feature_name: 'a', value_text: '7', value_num: 7, vector_value: null },
      { feature_name: 'b', value_text: 'ab', value_num: null, vector_value: null },
      { feature_name: 'c', value_text: null, value_num: null, vector_value: '[0.5, 1.0]' },
    ]);
    await server.query('ALTER TABLE p_stats DROP value_text, DROP value_num, DROP vector_value', DATABASE);
    await store.onlineWriteBatch(table, [driverRow(1, 2000, { a: 8 })]);
    assert.equal((await store.onlineRead(table, [driverKey(1)], ['a']))[0]?.eventTimestamp.seconds, 2000);
  });

  it('goes on reading when a table is dropped and made again under prepared queries', async () => {
    await open({ config: { max_conn: 1 } });
    await store.onlineWriteBatch(table, [driverRow(1, 1000, { a: 1 })]);
    assert.deepEqual(await storedDriver(store, table, 1), { seconds: 1000, a: '2001' });
    await store.teardown([table], []);
    await storeErrorOf(store.onlineRead(table, [driverKey(1)]), 'STORE_TABLE_MISSING');
    await store.update(changeOf({ tablesToKeep: [table] }));
    assert.deepEqual(await storedDriver(store, table, 1), undefined);
  });

  it('says that a table has other columns, that the user may not write, and that the server takes no writes', async () => {
    await server.query('CREATE TABLE p_stats (entity_key int, other int)', DATABASE);
    store = openPostgresStore({ server, database: DATABASE });
    await storeErrorOf(store.onlineRead(table, [driverKey(1)]), 'STORE_WRONG_LAYOUT');
    assert.deepEqual(await store.listTables('p'), []);
    await server.query('DROP TABLE p_stats', DATABASE);
    await open();
    await server.query("CREATE ROLE semantics_reader LOGIN PASSWORD 'reader'");
    await server.query('GRANT SELECT ON ALL TABLES IN SCHEMA public TO semantics_reader', DATABASE);
    await store.close();
    store = openPostgresStore({ server, database: DATABASE, config: { user: 'semantics_reader', password: 'reader' } });
    assert.deepEqual(await store.onlineRead(table, [driverKey(1)]), [undefined]);
    const write = () => store.onlineWriteBatch(table, [driverRow(1, 1000, { a: 1 })]);
    const error = await storeErrorOf(write(), 'STORE_PERMISSION_DENIED');
    assert.match(error.message, /does not allow the user to do this: permission denied for table "p_stats"/);
    assert.match(error.hint ?? '', /writing INSERT and UPDATE/);
    await storeErrorOf(
      store.update(changeOf({ tablesToKeep: [{ ...table, name: 'other' }] })),
      'STORE_PERMISSION_DENIED',
    );
    await server.query('DROP OWNED BY semantics_reader', DATABASE);
    await server.query(`ALTER DATABASE ${DATABASE} SET default_transaction_read_only = on`);
    await store.close();
    store = openPostgresStore({ server, database: DATABASE });
    await storeErrorOf(write(), 'STORE_READ_ONLY');
  });
});

describe('the PostgreSQL store over TLS', function () {
  this.timeout(60_000);
  let folder = '';
  let server: PostgresServer | undefined;
  let plain: PostgresServer;
  let store: PostgreSQLOnlineStore | undefined;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sideboard-postgres-tls-'));
    plain = await sharedPostgresServer();
    server = await startPostgresServer({
      settings: ['ssl = on', "ssl_cert_file = '../server.pem'", "ssl_key_file = '../server.key'"],
      prepare: (path) => createCertificates(path),
    });
    await server.query("CREATE ROLE plain LOGIN PASSWORD 'plain'");
  });

  afterEach(() => store?.close());

  after(async () => {
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = (config: object, to = server): PostgreSQLOnlineStore => {
    assert.ok(to);
    store = openPostgresStore({ server: to, database: 'postgres', config, repoPath: server?.folder ?? '/' });
    return store;
  };

  it('goes through with every sslmode that can', async () => {
    for (const config of [
      { sslmode: 'disable' },
      { sslmode: 'allow' },
      { sslmode: 'prefer' },
      { sslmode: null },
      { sslmode: 'require' },
      { sslmode: 'require', sslrootcert_path: 'ca.pem' },
      { sslmode: 'verify-ca', sslrootcert_path: 'ca.pem' },
      { sslmode: 'verify-full', sslrootcert_path: 'ca.pem' },
    ]) {
      await open(config).ping();
      await store?.close();
    }
    for (const sslmode of ['disable', 'allow', 'prefer']) {
      await open({ sslmode }, plain).ping();
      await store?.close();
    }
  });

  it('compares the name of the server with its certificate under verify-full, and tells it that name', async () => {
    const config = { host: 'localhost', sslmode: 'verify-full', sslrootcert_path: 'ca.pem' };
    const error = await storeErrorOf(open(config).ping(), 'STORE_UNAVAILABLE');
    assert.match(error.describe(), /over TLS/);
    await store?.close();
    await open({ ...config, sslmode: 'verify-ca' }).ping();
    await store?.close();
    const authority = new TestAuthority(folder, 'named');
    const door = await startTlsDoor(plain.port, authority.issue({ names: 'DNS:localhost' }), 'postgres');
    try {
      await open({ ...config, port: door.port, sslrootcert_path: authority.file }).ping();
      await store?.close();
      assert.deepEqual([...new Set(door.names)], ['localhost']);
    } finally {
      await door.close();
    }
  });

  it('refuses a certificate that nobody vouches for, a server without TLS, and files that are not there', async () => {
    for (const config of [{ sslmode: 'verify-ca' }, { sslmode: 'verify-full', sslrootcert_path: 'system' }]) {
      const error = await storeErrorOf(open(config).ping(), 'STORE_UNAVAILABLE');
      assert.match(error.describe(), /over TLS/);
      await store?.close();
    }
    const error = await storeErrorOf(open({ sslmode: 'require' }, plain).ping(), 'STORE_UNAVAILABLE');
    assert.match(error.describe(), /over TLS.*sslmode: disable/s);
    await store?.close();
    const missing = await storeErrorOf(
      open({ sslmode: 'require', sslkey_path: 'none.pem' }).ping(),
      'STORE_UNAVAILABLE',
    );
    assert.match(missing.message, /online_store\.sslkey_path cannot be read/);
  });
});
