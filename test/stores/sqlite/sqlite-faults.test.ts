import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadSqliteDriver, type SqliteDatabase } from '../../../src/stores/sqlite/sqlite-driver.ts';
import {
  SqliteOnlineStore,
  SqliteOnlineStoreConfig,
  SqliteOnlineStoreSettings,
} from '../../../src/stores/sqlite/sqlite-online-store.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { changeOf, driverKey, driverRow, storedDriver, storeErrorOf } from '../../support/store-rows.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

const table = tableWith('p', 'stats', ['driver_id'], ['trips', 'rate']);

describe('the SQLite store in trouble', () => {
  const folder = useTempFolder();
  let store: SqliteOnlineStore;
  const handles: SqliteDatabase[] = [];

  afterEach(async () => {
    for (const handle of handles.splice(0)) handle.close();
    await store?.close();
  });

  const file = (): string => join(folder(), 'online.db');

  const open = (settings: object = {}): SqliteOnlineStore => {
    const context = { project: 'p', repoPath: folder(), warn: () => {} };
    const config = SqliteOnlineStoreConfig.parse({ path: 'online.db' });
    store = new SqliteOnlineStore(config, context, SqliteOnlineStoreSettings.parse(settings));
    return store;
  };

  const openFilled = async (settings: object = {}): Promise<void> => {
    open(settings);
    await store.update(changeOf({ tablesToKeep: [table] }));
    await store.onlineWriteBatch(table, [driverRow(1, 100, { trips: 1 })]);
  };

  const raw = async (): Promise<SqliteDatabase> => {
    const Driver = await loadSqliteDriver();
    const handle = new Driver(file(), { timeout: 0 });
    handles.push(handle);
    return handle;
  };

  const read = (options = {}): Promise<unknown> => store.onlineRead(table, [driverKey(1)], undefined, options);

  describe('of the file', () => {
    it('says that the file does not exist, creates it on update, and reads it then', async () => {
      open();
      for (const call of [
        read,
        () => store.ping(),
        () => store.onlineWriteBatch(table, [driverRow(1, 1, { trips: 1 })]),
      ]) {
        const error = await storeErrorOf(call(), 'STORE_UNAVAILABLE');
        assert.match(error.describe(), /online\.db does not exist.*sideboard apply/);
      }
      await store.update(changeOf({ tablesToKeep: [table] }));
      assert.equal(await storedDriver(store, table, 1), undefined);
    });

    it('says that a view has no table, until it has one', async () => {
      open();
      await store.update(changeOf({}));
      const error = await storeErrorOf(read(), 'STORE_TABLE_MISSING');
      assert.match(error.describe(), /no table "p_stats".*sideboard apply/);
      await storeErrorOf(store.onlineWriteBatch(table, [driverRow(1, 1, { trips: 1 })]), 'STORE_TABLE_MISSING');
      await store.update(changeOf({ tablesToKeep: [table] }));
      assert.equal(await storedDriver(store, table, 1), undefined);
    });

    it('notices a table that another process drops and makes again', async () => {
      await openFilled();
      await read();
      const other = await raw();
      other.exec('DROP TABLE p_stats');
      await storeErrorOf(read(), 'STORE_TABLE_MISSING');
      await store.update(changeOf({ tablesToKeep: [table] }));
      assert.equal(await storedDriver(store, table, 1), undefined);
    });

    it('notices a file that was deleted or replaced', async () => {
      await openFilled();
      for (const suffix of ['', '-wal', '-shm']) rmSync(file() + suffix, { force: true });
      await sleep(1100);
      await storeErrorOf(read(), 'STORE_UNAVAILABLE');
      const other = open();
      await other.update(changeOf({ tablesToKeep: [table] }));
      assert.equal(await storedDriver(other, table, 1), undefined);
    });

    it('says that a file is not a database, and does not touch it', async () => {
      writeFileSync(
        file(),
        'This is a text, and a long one, because a short one would look like an empty database.'.repeat(20),
      );
      const before = statSync(file()).size;
      open();
      for (const call of [read(), store.ping(), store.update(changeOf({ tablesToKeep: [table] }))]) {
        const error = await storeErrorOf(call, 'STORE_WRONG_LAYOUT');
        assert.match(error.message, /is not a SQLite database/);
      }
      assert.equal(statSync(file()).size, before);
    });

    it('says that a folder is not a database', async () => {
      open();
      const config = SqliteOnlineStoreConfig.parse({ path: folder() });
      const onFolder = new SqliteOnlineStore(config, { project: 'p', repoPath: '/', warn: () => {} });
      await storeErrorOf(onFolder.ping(), 'STORE_UNAVAILABLE');
      await onFolder.close();
    });

    it('reads a file that it may not write', async () => {
      await openFilled({ journal_mode: 'keep' });
      await store.close();
      chmodSync(file(), 0o444);
      open();
      assert.deepEqual(await storedDriver(store, table, 1), { seconds: 100, trips: '2001' });
    });

    it('takes back what a killed writer left, although reading alone may not', async () => {
      await openFilled({ journal_mode: 'keep' });
      const before = await storedDriver(store, table, 1);
      const writer = await raw();
      // Little memory for pages: the changed ones are in the file before the transaction ends, and the old ones in the journal.
      writer.pragma('cache_size = 1');
      writer.exec('BEGIN IMMEDIATE');
      writer.exec("UPDATE p_stats SET value = x'2002'");
      writer.exec('CREATE TABLE filler AS SELECT randomblob(100000) AS bytes FROM p_stats');
      // What a kill leaves: both files as they are, and nobody who holds a lock.
      const [left, journal] = [file(), `${file()}-journal`].map((path) => readFileSync(path));
      assert.ok(left !== undefined && journal !== undefined && journal.length > 512);
      writer.exec('ROLLBACK');
      await store.close();
      for (const handle of handles.splice(0)) handle.close();
      writeFileSync(file(), left);
      writeFileSync(`${file()}-journal`, journal);
      open({ journal_mode: 'keep' });
      assert.deepEqual(await storedDriver(store, table, 1), before);
      assert.ok(!existsSync(`${file()}-journal`));
    });

    it('says that a file is truncated', async () => {
      await openFilled({ journal_mode: 'keep' });
      const rows = Array.from({ length: 2000 }, (_, id) => driverRow(id, 100, { trips: id }));
      await store.onlineWriteBatch(table, rows);
      await store.close();
      const { readFileSync } = await import('node:fs');
      writeFileSync(file(), readFileSync(file()).subarray(0, 8192));
      open();
      const all = store.onlineRead(
        table,
        rows.map((row) => row.entityKey),
      );
      await storeErrorOf(all, 'STORE_CORRUPT');
    });
  });

  describe('of another process that holds the lock', () => {
    // Feast's own connections do not use write-ahead logging: their commits lock readers out.
    it('waits for it without blocking, as long as busy_timeout_ms allows', async () => {
      await openFilled({ journal_mode: 'keep', busy_timeout_ms: 300 });
      const other = await raw();
      other.exec('BEGIN EXCLUSIVE');
      let turns = 0;
      const ticking = setInterval(() => turns++, 5);
      const error = await storeErrorOf(read(), 'STORE_UNAVAILABLE');
      clearInterval(ticking);
      assert.match(error.describe(), /is locked by another process.*busy_timeout_ms/);
      assert.ok(turns > 10, `only ${turns} turns`);
      const later = read();
      other.exec('COMMIT');
      await later;
    });

    it('ends at the deadline', async () => {
      await openFilled({ journal_mode: 'keep', busy_timeout_ms: 10_000 });
      const other = await raw();
      other.exec('BEGIN EXCLUSIVE');
      const started = Date.now();
      await storeErrorOf(read({ deadline: Date.now() + 100 }), 'STORE_TIMEOUT');
      const write = store.onlineWriteBatch(table, [driverRow(2, 1, { trips: 1 })], undefined, {
        deadline: Date.now() + 100,
      });
      await storeErrorOf(write, 'STORE_TIMEOUT');
      assert.ok(Date.now() - started < 1000);
    });

    it('reads while another process writes, with write-ahead logging', async () => {
      await openFilled();
      const other = await raw();
      other.exec('BEGIN IMMEDIATE');
      other.exec('DELETE FROM p_stats');
      assert.deepEqual(await storedDriver(store, table, 1), { seconds: 100, trips: '2001' });
      await storeErrorOf(
        store.onlineWriteBatch(table, [driverRow(2, 1, { trips: 1 })], undefined, { deadline: Date.now() + 50 }),
        'STORE_TIMEOUT',
      );
    });
  });

  describe('of what is stored', () => {
    for (const [sql, says] of [
      ["UPDATE p_stats SET value = 'text'", /"trips" in row 0 .* something else than a blob/],
      ['UPDATE p_stats SET value = 5', /something else than a blob/],
      ['UPDATE p_stats SET value = NULL', /something else than a blob/],
      ["UPDATE p_stats SET event_ts = 'yesterday'", /event time of row 0 .* is not a time/],
      ["UPDATE p_stats SET event_ts = '2026-02-31 00:00:00'", /is not a time/],
      ['UPDATE p_stats SET event_ts = NULL', /is not a time/],
      ["UPDATE p_stats SET event_ts = X'00'", /is not a time/],
    ] as const) {
      it(`says that a row is corrupt after ${sql}`, async () => {
        await openFilled();
        (await raw()).exec(sql);
        const error = await storeErrorOf(read(), 'STORE_CORRUPT');
        assert.match(error.message, says);
      });
    }

    for (const [text, time] of [
      ['2026-01-10 08:00:00', { seconds: 1_768_032_000, nanos: 0 }],
      ['2026-01-10T08:00:00.123456', { seconds: 1_768_032_000, nanos: 123_456_000 }],
      ['2026-01-10 10:00:00+02:00', { seconds: 1_768_032_000, nanos: 0 }],
    ] as const) {
      it(`reads ${text}, as older versions of Feast stored times, in UTC whatever the time zone`, async () => {
        await openFilled({ timezone: 'America/New_York' });
        (await raw()).prepare('UPDATE p_stats SET event_ts = ?').run(text);
        const [row] = await store.onlineRead(table, [driverKey(1)]);
        assert.deepEqual(row?.eventTimestamp, time);
      });
    }

    it('says that a table has other columns, and repairs one that only lacks the search column', async () => {
      open();
      await store.update(changeOf({}));
      const other = await raw();
      other.exec('CREATE TABLE p_stats (entity_key BLOB, feature_name TEXT, data BLOB)');
      await storeErrorOf(read(), 'STORE_WRONG_LAYOUT');
      other.exec('DROP TABLE p_stats');
      other.exec(
        'CREATE TABLE p_stats (entity_key BLOB, feature_name TEXT, value BLOB, vector_value BLOB, event_ts timestamp,' +
          ' created_ts timestamp, PRIMARY KEY(entity_key, feature_name))',
      );
      const write = (): Promise<void> => store.onlineWriteBatch(table, [driverRow(1, 100, { trips: 1 })]);
      await storeErrorOf(write(), 'STORE_WRONG_LAYOUT');
      await store.update(changeOf({ tablesToKeep: [table] }));
      await write();
      assert.deepEqual(await storedDriver(store, table, 1), { seconds: 100, trips: '2001' });
    });

    it('refuses to write bytes that are not a value, and writes nothing of their transaction', async () => {
      await openFilled();
      const broken = { ...driverRow(3, 100, {}), values: new Map([['trips', Buffer.from('garbage')]]) };
      const write = store.onlineWriteBatch(table, [driverRow(2, 100, { trips: 1 }), broken]);
      const error = await storeErrorOf(write, 'STORE_INVALID_ROW');
      assert.match(error.message, /"trips" in row 1/);
      assert.equal(await storedDriver(store, table, 2), undefined);
    });

    it('gives an entity the time of the feature that was first stored last, as Feast does', async () => {
      await openFilled();
      await store.onlineWriteBatch(table, [driverRow(1, 200, { rate: 2 })]);
      await store.onlineWriteBatch(table, [driverRow(1, 300, { trips: 3 })]);
      assert.deepEqual(await storedDriver(store, table, 1), { seconds: 200, trips: '2003', rate: '2002' });
    });
  });
});
