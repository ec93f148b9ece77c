import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OnlineStore, TableLoad } from '../../../src/stores/online-store.ts';
import { writeBlockFromRows } from '../../../src/stores/write-block-rows.ts';
import { killedLoad } from '../../support/killed-load.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { openTarget, type SqlTarget } from '../../support/sql-write-harness.ts';
import { changeOf, storeErrorOf } from '../../support/store-rows.ts';
import {
  FEATURES,
  loadOf,
  loadVersion,
  VERSIONED,
  versionedBlocks,
  versionedRow,
  versionsOf,
} from '../../support/versioned-rows.ts';

const KILLS = 5;
const many = Array.from({ length: 3000 }, (_, id) => id);
/** Few enough to be read from one state of the file. */
const some = many.filter((id) => id % 6 === 0);
const inKeyOrder = true;

describe('loads that SQLite writes as their rows come', function () {
  this.timeout(60_000);
  let folder: string;
  let target: SqlTarget;
  let store: OnlineStore;
  const stores: OnlineStore[] = [];

  const open = (settings: object = {}): OnlineStore => {
    const opened = openTarget(target, settings);
    stores.push(opened);
    return opened;
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sideboard-streamed-'));
    target = { store: 'sqlite', path: join(folder, 'online.db'), settings: { busy_timeout_ms: 20_000 } };
    store = open();
    await store.update(changeOf({ tablesToKeep: [VERSIONED] }));
  });

  afterEach(async () => {
    await Promise.all(stores.splice(0).map((each) => each.close()));
    rmSync(folder, { recursive: true, force: true });
  });

  const begin = (from = store): Promise<TableLoad> => loadOf(from, VERSIONED, { inKeyOrder });

  /** Resolves when the load has locked the file, which it does with its first rows. */
  const untilLocked = async (): Promise<void> => {
    const other = open({ busy_timeout_ms: 0 });
    for (;;) {
      const free = await other.onlineWriteBatch(VERSIONED, [versionedRow(0, 0)], undefined, { newestOnly: true }).then(
        () => true,
        () => false,
      );
      if (!free) return;
      await sleep(5);
    }
  };

  it('shows old rows until the commit, and then all new ones', async () => {
    await loadVersion(store, many, 1, { inKeyOrder });
    const reader = open();
    const load = await begin();
    for (const block of versionedBlocks(many, 2, 100)) await load.write(block);
    assert.deepEqual(await versionsOf(reader, some), [1]);
    assert.deepEqual(await versionsOf(store, some), [1]);
    await load.commit();
    assert.deepEqual(await versionsOf(reader, many), [2]);
    await storeErrorOf(load.commit(), 'STORE_FAILED');
  });

  it('lets other writers of the process wait for its end', async () => {
    await loadVersion(store, many, 1, { inKeyOrder });
    const load = await begin();
    for (const block of versionedBlocks(many, 2, 500)) await load.write(block);
    await untilLocked();
    let isWritten = false;
    const pushed = store.onlineWriteBatch(VERSIONED, [versionedRow(7, 9)]).then(() => {
      isWritten = true;
    });
    const limit = { deadline: Date.now() + 50 };
    await storeErrorOf(store.onlineWriteBatch(VERSIONED, [versionedRow(8, 9)], undefined, limit), 'STORE_TIMEOUT');
    assert.equal(isWritten, false);
    await load.commit();
    await pushed;
    assert.deepEqual(await versionsOf(store, [7]), [9]);
    assert.deepEqual(await versionsOf(store, [6, 8]), [2]);
  });

  it('writes loads of one store one after the other', async () => {
    const first = await begin();
    const second = await begin();
    const [block = versionedBlocks(many, 1, 10)[0]] = versionedBlocks(many, 2, many.length);
    assert.ok(block);
    await first.write(block);
    let isTaken = false;
    const written = second.write(block).then(() => {
      isTaken = true;
    });
    await untilLocked();
    assert.equal(isTaken, false);
    await first.commit();
    await written;
    await second.commit();
    assert.deepEqual(await versionsOf(store, many), [2]);
  });

  it('leaves nothing of a load whose rows cannot be written, and lets go of the file', async () => {
    await loadVersion(store, many, 1, { inKeyOrder });
    const load = await begin();
    for (const block of versionedBlocks(many, 2, 500)) await load.write(block);
    await untilLocked();
    const bad = { ...versionedRow(5000, 2), values: new Map([['label', Buffer.from('garbage')]]) };
    const error = await storeErrorOf(load.write(writeBlockFromRows(VERSIONED, ['label'], [bad])), 'STORE_INVALID_ROW');
    assert.match(error.message, /"label" in row 0/);
    await storeErrorOf(load.commit(), 'STORE_FAILED');
    await load.abort();
    await open().onlineWriteBatch(VERSIONED, [versionedRow(1, 3)]);
    assert.deepEqual(await versionsOf(store, many.slice(2)), [1]);
  });

  it('tells its caller that the file stays locked', async () => {
    const blocking = open();
    const held = await begin(blocking);
    await held.write(writeBlockFromRows(VERSIONED, FEATURES, [versionedRow(1, 1)]));
    await untilLocked();
    const load = await begin(open({ busy_timeout_ms: 10 }));
    await load.write(writeBlockFromRows(VERSIONED, FEATURES, [versionedRow(2, 2)]));
    await storeErrorOf(load.commit(), 'STORE_UNAVAILABLE');
    await held.commit();
    assert.deepEqual(await versionsOf(store, [1]), [1]);
    assert.deepEqual(await versionsOf(store, [2]), [-1]);
  });

  it('ends with its store', async () => {
    const own = open();
    const load = await begin(own);
    for (const block of versionedBlocks(many, 2, 500)) await load.write(block);
    await untilLocked();
    await own.close();
    await storeErrorOf(load.commit(), 'STORE_UNAVAILABLE');
    await store.onlineWriteBatch(VERSIONED, [versionedRow(1, 3)]);
    assert.deepEqual(await versionsOf(store, [2, 3]), [-1]);
  });

  it('makes files with pages that are larger than usual, and leaves others as they are', async () => {
    const { loadSqliteDriver } = await import('../../../src/stores/sqlite/sqlite-driver.ts');
    const Driver = await loadSqliteDriver();
    const path = join(folder, 'other.db');
    const other = new Driver(path, {});
    other.exec('CREATE TABLE someone_elses (x)');
    const sizeOf = (file: string): unknown => {
      const database = new Driver(file, { readonly: true });
      try {
        return database.pragma('page_size', { simple: true });
      } finally {
        database.close();
      }
    };
    other.close();
    const onOther = openTarget({ store: 'sqlite', path });
    stores.push(onOther);
    await onOther.update(changeOf({ tablesToKeep: [VERSIONED] }));
    await loadVersion(onOther, many, 1, { inKeyOrder });
    assert.deepEqual(await versionsOf(onOther, some), [1]);
    assert.deepEqual([sizeOf(join(folder, 'online.db')), sizeOf(path)], [16_384, 4096]);
    assert.ok(statSync(path).size > 0);
  });

  it(`leaves old rows or new ones, but no mix, when its process is killed, ${KILLS} times`, async () => {
    const random = createSeededRandom(Date.now());
    let stored = 0;
    await loadVersion(store, many, stored, { inKeyOrder });
    for (let kill = 0; kill < KILLS; kill++) {
      const committed = await killedLoad(target, many.length, stored + 1, random(400), inKeyOrder);
      const versions = await versionsOf(open(), some);
      assert.equal(versions.length, 1, `a mix of versions: ${versions}`);
      assert.ok((versions[0] ?? -1) >= Math.max(stored, committed), `${versions} after ${committed}`);
      stored = versions[0] ?? -1;
    }
    await loadVersion(store, many, stored + 1, { inKeyOrder });
    assert.deepEqual(await versionsOf(store, many), [stored + 1]);
  });
});
