import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { OnlineRow } from '../../../src/stores/online-store.ts';
import { loadSqliteDriver } from '../../../src/stores/sqlite/sqlite-driver.ts';
import {
  SqliteOnlineStore,
  SqliteOnlineStoreConfig,
  SqliteOnlineStoreSettings,
} from '../../../src/stores/sqlite/sqlite-online-store.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { changeOf, driverKey, driverRow } from '../../support/store-rows.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

const table = tableWith('p', 'stats', ['driver_id'], ['trips']);
const STORED = '2026-01-10 08:00:00';
const SECONDS = 1_768_032_000;

describe('the newest rows in SQLite', () => {
  const folder = useTempFolder();
  let store: SqliteOnlineStore;

  afterEach(() => store.close());

  const open = async (timezone: string): Promise<void> => {
    const context = { project: 'p', repoPath: folder(), warn: (message: string) => assert.fail(message) };
    const config = SqliteOnlineStoreConfig.parse({ path: 'online.db' });
    store = new SqliteOnlineStore(config, context, SqliteOnlineStoreSettings.parse({ timezone }));
    await store.update(changeOf({ tablesToKeep: [table] }));
  };

  const raw = async (sql: string): Promise<void> => {
    const Driver = await loadSqliteDriver();
    const database = new Driver(join(folder(), 'online.db'), {});
    database.exec(sql);
    database.close();
  };

  const write = (...rows: OnlineRow[]): Promise<void> =>
    store.onlineWriteBatch(table, rows, undefined, { newestOnly: true });

  const storedSeconds = async (): Promise<number | undefined> => {
    const [row] = await store.onlineRead(table, [driverKey(1)]);
    return row?.eventTimestamp.seconds;
  };

  for (const timezone of ['UTC', 'America/New_York']) {
    it(`are told from times as text, which older versions of Feast stored, with timezone ${timezone}`, async () => {
      await open(timezone);
      await write(driverRow(1, 1, { trips: 1 }));
      await raw(`UPDATE p_stats SET event_ts = '${STORED}'`);
      await write(driverRow(1, SECONDS - 1, { trips: 2 }));
      assert.equal(await storedSeconds(), SECONDS);
      await write(driverRow(1, SECONDS + 1, { trips: 3 }));
      assert.equal(await storedSeconds(), SECONDS + 1);
    });

    for (const broken of ['NULL', "'yesterday'", "X'00'"]) {
      it(`take the place of a row whose time is ${broken}, with timezone ${timezone}`, async () => {
        await open(timezone);
        await write(driverRow(1, 1, { trips: 1 }));
        await raw(`UPDATE p_stats SET event_ts = ${broken}`);
        await write(driverRow(1, 2, { trips: 2 }));
        assert.equal(await storedSeconds(), 2);
      });
    }
  }

  it('are told by the times that are meant, where clocks go forward and stored times go back', async () => {
    await open('America/New_York');
    // 2026-03-08 02:30 never was in New York: as a local time it is taken for 03:30, and comes back as that.
    const midnight = Date.UTC(2026, 2, 8) / 1000;
    const hours = (n: number): number => midnight + n * 3600;
    for (const [written, stored] of [
      [1.5, 1.5],
      [2.5, 3.5],
      [3.25, 3.5],
      [3.75, 3.75],
      [2.5, 3.75],
      [4, 4],
    ] as const) {
      await write(driverRow(1, hours(written), { trips: 1 }));
      assert.equal(await storedSeconds(), hours(stored), `after ${written}`);
    }
  });
});
