import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import type { CallOptions } from '../../../src/stores/online-store.ts';
import { loadSqliteDriver, type SqliteDatabase } from '../../../src/stores/sqlite/sqlite-driver.ts';
import {
  SqliteOnlineStore,
  SqliteOnlineStoreConfig,
  SqliteOnlineStoreSettings,
} from '../../../src/stores/sqlite/sqlite-online-store.ts';
import { projectRoot } from '../../support/project-root.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { skipBecause } from '../../support/skip-because.ts';
import { changeOf, storeErrorOf } from '../../support/store-rows.ts';
import { assertTold, someReads, tellingRow, tellingTable, wholeReads } from '../../support/telling-rows.ts';

const STORED = 500;
const table = tellingTable('view', 50);
/** Four more views with the same values. */
const copies = [1, 2, 3, 4].map((n) => tellingTable(`copy${n}`, 50));
const everyone = Array.from({ length: STORED + 10 }, (_, entity) => entity);
/** Enough of them for a large read; some have no row. */
const many = everyone.slice(-80);
const CLOSED = 'STORE_CLOSED';

describe('large reads of SQLite', () => {
  let folder: string;
  let store: SqliteOnlineStore;
  let warnings: string[];
  let version = 1;

  const path = (): string => join(folder, 'online.db');

  const open = (settings: object = {}): SqliteOnlineStore => {
    const context = { project: 'p', repoPath: folder, warn: (message: string) => warnings.push(message) };
    const config = SqliteOnlineStoreConfig.parse({ path: path() });
    return new SqliteOnlineStore(config, context, SqliteOnlineStoreSettings.parse(settings));
  };

  before(async function () {
    if (import.meta.url.endsWith('.ts') && Number.parseInt(process.versions.node, 10) < 22) {
      skipBecause(this, 'Node 20 starts threads from compiled modules only: npm run build:test');
    }
    folder = mkdtempSync(join(tmpdir(), 'sideboard-large-'));
    warnings = [];
    const writer = open();
    await writer.update(changeOf({ tablesToKeep: [table, ...copies] }));
    await writer.onlineWriteBatch(table, rowsOf(everyone.slice(0, STORED), 1));
    await raw((database) => {
      for (const { name } of copies) database.exec(`INSERT INTO p_${name} SELECT * FROM p_view`);
    });
    await writer.close();
  });

  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => {
    warnings = [];
    store = open();
  });

  afterEach(() => store.close());

  const versions = () => ({ stored: STORED, oldest: 1, newest: version });

  const readLarge = async (call?: CallOptions): Promise<void> => {
    const reads = wholeReads([table], many);
    await store.readMany(reads, call);
    assertTold(reads, many, versions());
  };

  /** 500 entities and 250 features. */
  const readHuge = (call?: CallOptions): Promise<void> =>
    store.readMany(wholeReads([table, ...copies], everyone), call);

  const readSmall = async (entity: number): Promise<void> => {
    const reads = wholeReads([table], [entity]);
    await store.readMany(reads);
    assertTold(reads, [entity], versions());
  };

  /** The thread that the next large read starts. */
  const nextThread = async (): Promise<Worker> => {
    const [thread] = (await once(process, 'worker')) as [Worker];
    return thread;
  };

  const raw = async <T>(work: (database: SqliteDatabase) => T): Promise<T> => {
    const Driver = await loadSqliteDriver();
    const database = new Driver(path(), { timeout: 1000 });
    try {
      return work(database);
    } finally {
      database.close();
    }
  };

  it('give the same rows as small ones, of whatever shape', async () => {
    const random = createSeededRandom(1);
    const reading = Array.from({ length: 12 }, async (_, n) => {
      const entities = Array.from({ length: 1 + random(n % 2 === 0 ? 8 : 300) }, () => random(STORED + 10));
      const reads = someReads([table], entities, random);
      await store.readMany(reads);
      assertTold(reads, entities, versions());
    });
    await Promise.all(reading);
    assert.deepEqual(warnings, []);
  });

  it('leave the event loop to others', async () => {
    await readSmall(1);
    await readLarge();
    const longest: number[] = [];
    let served = 0;
    // What else runs on the machine delays turns as well: one undisturbed round is enough.
    for (let round = 0; round < 20 && !longest.some((ms) => ms < 40); round++) {
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      let running = true;
      const small = (async () => {
        while (running) {
          await readSmall(round);
          served++;
          await nextTurn();
        }
      })();
      await readHuge();
      delay.disable();
      running = false;
      await small;
      longest.push(delay.max / 1e6);
    }
    assert.ok(Math.min(...longest) < 40, `turns of ${longest.map((ms) => ms.toFixed(1)).join(', ')} ms`);
    assert.ok(served > longest.length * 10, `${served} small reads were served meanwhile`);
  });

  it('let the event loop turn between them, also where this thread has more to do than theirs', async () => {
    await readLarge();
    let unturned = 0;
    let longest = 0;
    let running = true;
    const turning = (async () => {
      for (; running; unturned = 0) await nextTurn();
    })();
    const reading = Array.from({ length: 2 }, async () => {
      for (let round = 0; round < 10; round++) {
        await store.readMany(wholeReads([table], many));
        longest = Math.max(longest, ++unturned);
        for (const until = performance.now() + 20; performance.now() < until; );
      }
    });
    await Promise.all(reading);
    running = false;
    await turning;
    assert.ok(longest <= 2, `${longest} reads were answered in one turn`);
  });

  it('see what another process has written, as small ones do', async () => {
    await readLarge();
    for (let round = 0; round < 2; round++) {
      version++;
      const key = Buffer.from([round]);
      const sql = `INSERT INTO p_copy1 VALUES (X'${key.toString('hex')}', 'f0', X'', NULL, NULL, ${version}, NULL)`;
      const script = 'new (require(process.argv[1]))(process.argv[2]).exec(process.argv[3])';
      const driver = Number.parseInt(process.versions.node, 10) >= 22 ? 'better-sqlite3' : 'better-sqlite3-node20';
      await promisify(execFile)(process.execPath, ['-e', script, driver, path(), sql], { cwd: projectRoot });
      for (const rows of [1, many.length]) {
        const [read] = wholeReads(copies, many.slice(0, rows));
        assert.ok(read);
        await store.readMany([{ ...read, keys: read.keys.map(() => key) }]);
        assert.equal(read.block.timestampAt(rows - 1).seconds, version);
        assert.equal(read.block.valueAt(rows - 1, 0)?.length, 0);
      }
    }
  });

  it('show every row in one version while rows are rewritten', async () => {
    const writer = open();
    let running = true;
    const reading = Promise.all(
      Array.from({ length: 2 }, async () => {
        while (running) await readLarge();
      }),
    );
    for (let round = 0; round < 4; round++) {
      version++;
      await writer.onlineWriteBatch(
        table,
        rowsOf(
          many.filter((entity) => entity < STORED),
          version,
        ),
      );
    }
    running = false;
    await reading;
    await writer.close();
  });

  it('end at the deadline and when the caller goes away, begun or not, and hold up nobody behind them', async () => {
    await readLarge();
    const caller = new AbortController();
    const started = Date.now();
    const begun = storeErrorOf(readHuge({ deadline: Date.now() + 5 }), 'STORE_TIMEOUT');
    const waiting = storeErrorOf(readHuge({ deadline: Date.now() + 5 }), 'STORE_TIMEOUT');
    const left = storeErrorOf(readHuge({ signal: caller.signal }), 'STORE_TIMEOUT');
    const patient = readLarge();
    caller.abort();
    await left;
    await Promise.all([begun, waiting]);
    assert.ok(Date.now() - started < 1000);
    await patient;
    await storeErrorOf(readLarge({ deadline: Date.now() - 1 }), 'STORE_TIMEOUT');
  });

  it('are refused beyond a hundred that wait', async () => {
    const caller = new AbortController();
    setMaxListeners(0, caller.signal);
    const reading = Array.from({ length: 101 }, () =>
      storeErrorOf(readHuge({ signal: caller.signal }), 'STORE_TIMEOUT'),
    );
    const error = await storeErrorOf(readLarge(), 'STORE_OVERLOADED');
    assert.match(error.message, /100 large reads wait/);
    caller.abort();
    await Promise.all(reading);
    await readLarge();
  });

  it('fail when the thread ends under them, and the next one starts another', async () => {
    const starting = nextThread();
    const first = readLarge();
    const thread = await starting;
    await first;
    for (let current = thread, round = 0; round < 3; round++) {
      const struck = storeErrorOf(readHuge(), 'STORE_UNAVAILABLE');
      const behind = readLarge();
      const restarting = nextThread();
      await nextTurn();
      void current.terminate();
      const error = await struck;
      assert.match(error.describe(), /thread ended unexpectedly.*Try again/);
      current = await restarting;
      await behind;
      await readSmall(1);
    }
    assert.deepEqual(warnings, []);
  });

  it('are done on the main thread, in turns, where no other can be started', async () => {
    const onThread = (thread: Worker): void => void thread.terminate();
    process.on('worker', onThread);
    await Promise.all([readLarge(), readLarge()]);
    await readLarge();
    process.removeListener('worker', onThread);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /on the main thread, in turns/);
  });

  it('end when the store is closed, and none begins after', async () => {
    await readLarge();
    const starting = readHuge();
    const waiting = readLarge();
    const outcomes = [storeErrorOf(starting, CLOSED), storeErrorOf(waiting, CLOSED)];
    await nextTurn();
    await store.close();
    await Promise.all(outcomes);
    await storeErrorOf(readLarge(), CLOSED);
  });

  it('do not keep a process alive that forgets to close the store, nor let it end too early', async () => {
    const store = new URL('../../../src/stores/sqlite/sqlite-online-store.js', import.meta.url).href;
    const block = new URL('../../../src/stores/row-block.js', import.meta.url).href;
    const script = `
      import { SqliteOnlineStore, SqliteOnlineStoreConfig } from ${JSON.stringify(store)};
      import { RowBlock } from ${JSON.stringify(block)};
      const store = new SqliteOnlineStore(SqliteOnlineStoreConfig.parse({ path: process.argv[1] }),
        { project: 'p', repoPath: '/', warn: () => {} });
      const features = Array.from({ length: 50 }, (_, n) => ({ name: 'f' + n, valueType: 0 }));
      const table = { project: 'p', name: 'view', joinKeys: ['driver_id'], features };
      const keys = Array.from({ length: 5000 }, (_, n) => Buffer.from([n]));
      await store.readMany([{ table, keys, features: features.map(({ name }) => name), block: new RowBlock(5000, 50) }]);
      console.log('read');`;
    const args = ['--input-type=module', '-e', script, path()];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 10_000 });
    assert.equal(stdout, 'read\n');
  });

  describe('in trouble', () => {
    it('say which table is missing', async () => {
      const missing = tellingTable('nowhere', 50);
      const error = await storeErrorOf(store.readMany(wholeReads([missing], many)), 'STORE_TABLE_MISSING');
      assert.match(error.describe(), /no table "p_nowhere".*sideboard apply/);
    });

    it('say which value is corrupt', async () => {
      const [stored] = wholeReads([table], many);
      const key = Buffer.from(stored?.keys[42] ?? []);
      const where = "WHERE entity_key = ? AND feature_name = 'f8'";
      const [value] = await raw(
        (database) => database.prepare(`SELECT value FROM p_view ${where}`).raw().get(key) as [Buffer],
      );
      const set = (to: unknown) =>
        raw((database) => database.prepare(`UPDATE p_view SET value = ? ${where}`).run(to, key));
      await set('text');
      const error = await storeErrorOf(readLarge(), 'STORE_CORRUPT');
      assert.match(error.message, /"f8" in row 42 of feature view "view"/);
      await set(value);
      await readLarge();
    });

    it('wait for a lock as long as they may', async () => {
      await store.close();
      await raw((database) => database.pragma('journal_mode = DELETE'));
      store = open({ journal_mode: 'keep', busy_timeout_ms: 100 });
      const Driver = await loadSqliteDriver();
      const other = new Driver(path(), { timeout: 0 });
      other.exec('BEGIN EXCLUSIVE');
      const error = await storeErrorOf(readLarge(), 'STORE_UNAVAILABLE');
      assert.match(error.describe(), /locked by another process/);
      await storeErrorOf(readLarge({ deadline: Date.now() + 30 }), 'STORE_TIMEOUT');
      const later = readLarge();
      other.exec('COMMIT');
      await later;
      other.close();
    });
  });
});

function rowsOf(entities: readonly number[], version: number) {
  return entities.map((entity) => tellingRow(table, entity, version));
}
