import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { serializeEntityKey } from '../../src/encoding/entity-key.ts';
import type { OnlineRow, OnlineStore, OnlineTable } from '../../src/stores/online-store.ts';
import { WriteBlock } from '../../src/stores/write-block.ts';
import { writeBlockFromRows } from '../../src/stores/write-block-rows.ts';
import { goldenFolders } from './golden.ts';
import { tableWith } from './golden-stores.ts';
import { killedLoad } from './killed-load.ts';
import { createSeededRandom } from './seeded-random.ts';
import { recordedTables } from './sql-golden.ts';
import { openTarget, type SqlTarget, type SqlWriteHarness } from './sql-write-harness.ts';
import { changeOf, driverKey, int64Bytes, storeErrorOf } from './store-rows.ts';
import {
  FEATURES,
  loadOf,
  loadVersion,
  VERSIONED,
  versionedBlocks,
  versionedRow,
  versionedValue,
  versionsOf,
} from './versioned-rows.ts';

const REFERENCE: OnlineTable = { ...VERSIONED, name: 'reference' };
const many = Array.from({ length: 1500 }, (_, id) => id);
/** Few enough for SQLite to read them from one state of the file. */
const some = many.filter((id) => id % 3 === 0);
const newestOnly = true;

/**
 * Rows that are only written where they are new, blocks of rows, and loads that show at once.
 * @param kills how often a loading process is killed
 */
export function describeSqlWrites(name: string, harness: SqlWriteHarness, kills = 10): void {
  describe(`writing to ${name}`, function () {
    this.timeout(60_000);
    let target: SqlTarget;
    let store: OnlineStore;
    const stores: OnlineStore[] = [];

    const open = (settings?: object): OnlineStore => {
      const opened = openTarget(target, settings);
      stores.push(opened);
      return opened;
    };

    beforeEach(async () => {
      target = await harness.reset();
      store = open();
      await store.update(changeOf({ tablesToKeep: [VERSIONED, REFERENCE] }));
    });

    afterEach(async () => {
      await Promise.all(stores.splice(0).map((each) => each.close()));
    });

    const writeBlock = async (block: WriteBlock, options = {}, table = VERSIONED): Promise<void> => {
      assert.ok(store.writeBlock);
      await store.writeBlock(table, block, options);
    };

    const blockOf = (rows: readonly OnlineRow[], features = FEATURES): WriteBlock =>
      writeBlockFromRows(VERSIONED, features, rows);

    /** The version that each feature of an entity is in. */
    const versionsOfFeatures = async (id: number): Promise<Record<string, string>> => {
      const [row] = await store.onlineRead(VERSIONED, [driverKey(id)]);
      return Object.fromEntries(
        [...(row?.values ?? [])].map(([key, value]) => [key, Buffer.from(value).toString('hex')]),
      );
    };

    const valueHex = (feature: string, version: number): string =>
      Buffer.from(versionedValue(feature, version)).toString('hex');

    const ways: Readonly<Record<string, (rows: OnlineRow[], options?: object) => Promise<void>>> = {
      'row by row': (rows, options) => store.onlineWriteBatch(VERSIONED, rows, undefined, options ?? {}),
      'in blocks': (rows, options) => writeBlock(blockOf(rows, [...(rows[0]?.values.keys() ?? [])]), options),
    };

    for (const [way, write] of Object.entries(ways)) {
      describe(way, () => {
        it('leaves out what is older than what is stored, where only the newest is wanted', async () => {
          await write([versionedRow(1, 50), versionedRow(2, 50)]);
          await write([versionedRow(1, 40), versionedRow(2, 60)], { newestOnly });
          assert.deepEqual(await versionsOf(store, [1]), [50]);
          assert.deepEqual(await versionsOf(store, [2]), [60]);
          await write([versionedRow(1, 40)]);
          assert.deepEqual(await versionsOf(store, [1]), [40]);
        });

        it('judges each feature by its own time', async () => {
          await write([versionedRow(1, 10, ['count', 'label'])]);
          await write([versionedRow(1, 30, ['label'])]);
          await write([versionedRow(1, 20)], { newestOnly });
          assert.deepEqual(await versionsOfFeatures(1), {
            count: valueHex('count', 20),
            label: valueHex('label', 30),
            none: '',
          });
        });

        it('lets the later created of two rows of the same time stay, where both say when they were', async () => {
          const row = (value: number, created?: number): OnlineRow => {
            const { createdTimestamp: _, ...rest } = versionedRow(1, 5, []);
            const values = new Map([['count', int64Bytes(value)]]);
            return {
              ...rest,
              values,
              ...(created !== undefined && { createdTimestamp: { seconds: created, nanos: 0 } }),
            };
          };
          for (const [value, created, stays] of [
            [1, 500, 1],
            [2, 400, 1],
            [3, 500, 3],
            [4, 600, 4],
            [5, undefined, 5],
            [6, 300, 6],
            [7, undefined, 7],
          ] as const) {
            await write([row(value, created)], { newestOnly });
            assert.deepEqual(await versionsOfFeatures(1), { count: Buffer.from(int64Bytes(stays)).toString('hex') });
          }
        });

        it('ends with the newest, whatever order several writers come in', async () => {
          const random = createSeededRandom(7);
          const writers = [store, open(), open()];
          const newest = new Map<string, number>();
          const rows = Array.from({ length: 600 }, (_, version) => {
            const id = random(12);
            const features = FEATURES.filter(() => random(3) > 0);
            for (const feature of features) newest.set(`${id} ${feature}`, version);
            return { id, row: versionedRow(id, version, features) };
          });
          const shuffled = rows.map((each) => ({ ...each, place: random(1e6) })).sort((a, b) => a.place - b.place);
          await Promise.all(
            writers.map(async (writer, index) => {
              const own = shuffled.filter((_, place) => place % writers.length === index);
              for (let start = 0; start < own.length; start += 10) {
                const part = own.slice(start, start + 10).map(({ row }) => row);
                if (way === 'row by row') await writer.onlineWriteBatch(VERSIONED, part, undefined, { newestOnly });
                else
                  for (const row of part)
                    await writer.writeBlock?.(VERSIONED, blockOf([row], [...row.values.keys()]), { newestOnly });
              }
            }),
          );
          for (let id = 0; id < 12; id++) {
            const expected = FEATURES.flatMap((feature) => {
              const version = newest.get(`${id} ${feature}`);
              return version === undefined ? [] : [[feature, valueHex(feature, version)] as const];
            });
            assert.deepEqual(await versionsOfFeatures(id), Object.fromEntries(expected));
          }
        });
      });
    }

    it('takes the newest of several rows of one entity in a batch, and the last one where that is not asked for', async () => {
      const rows = [versionedRow(1, 2), versionedRow(1, 3), versionedRow(1, 1)];
      await store.onlineWriteBatch(VERSIONED, rows, undefined, { newestOnly });
      assert.deepEqual(await versionsOf(store, [1]), [3]);
      await store.onlineWriteBatch(VERSIONED, rows);
      assert.deepEqual(await versionsOf(store, [1]), [1]);
    });

    it('writes blocks byte for byte as rows, whatever Feast stores', async () => {
      const rows = goldenRows(target.store === 'mysql' ? 'mysql' : 'postgres');
      const all = tableWith('p', 'golden', [], new Set(rows.flatMap((row) => [...row.values.keys()])));
      const [byRow, byBlock, byLoad] = ['r', 'b', 'l'].map((end) => ({ ...all, name: `golden_${end}` }));
      assert.ok(byRow && byBlock && byLoad && store.writeBlock && store.beginLoad);
      await store.update(changeOf({ tablesToKeep: [byRow, byBlock, byLoad] }));
      const load = await store.beginLoad(byLoad);
      for (const group of groupsOf(rows)) {
        const block = writeBlockFromRows(all, [...(group[0]?.values.keys() ?? [])], group);
        await store.onlineWriteBatch(byRow, group);
        await store.writeBlock(byBlock, block);
        await load.write(block);
      }
      await load.commit();
      const expected = await harness.dump(byRow);
      assert.ok(expected.length > 100, `only ${expected.length}`);
      assert.deepEqual(await harness.dump(byBlock), expected);
      assert.deepEqual(await harness.dump(byLoad), expected);
    });

    it('takes blocks without rows, of thousands of rows and with long values', async () => {
      await writeBlock(new WriteBlock(FEATURES, 1));
      assert.deepEqual(await harness.dump(VERSIONED), []);
      for (const block of versionedBlocks(many.toReversed(), 1, many.length)) await writeBlock(block);
      assert.deepEqual(await versionsOf(store, many), [1]);
      const long = Buffer.alloc(60_000, 'x');
      const value = Buffer.concat([Buffer.from([0x12, 0xe0, 0xd4, 0x03]), long]);
      const rows = many.slice(0, 40).map((id) => ({ ...versionedRow(id, 2), values: new Map([['label', value]]) }));
      await writeBlock(blockOf(rows, ['label']));
      const stored = await store.onlineRead(VERSIONED, many.slice(0, 40).map(driverKey));
      for (const row of stored) assert.deepEqual(Buffer.from(row?.values.get('label') ?? []), value);
    });

    it('refuses a block with what is not a value or not a time, and names it', async () => {
      const bad = { ...versionedRow(2, 1), values: new Map([['count', Buffer.from('garbage')]]) };
      if (target.store !== 'mysql') {
        const error = await storeErrorOf(writeBlock(blockOf([bad], ['count'])), 'STORE_INVALID_ROW');
        assert.match(error.message, /"count" in row 0/);
      }
      const block = blockOf([versionedRow(1, 1)]);
      block.times[1] = -1;
      await storeErrorOf(writeBlock(block), 'STORE_INVALID_ROW');
      assert.deepEqual(await harness.dump(VERSIONED), []);
    });

    describe('by a load', () => {
      it('shows all rows at once to those who read meanwhile', async () => {
        await loadVersion(store, many, 1);
        const reader = open();
        let running = true;
        const seen: number[] = [];
        const reading = (async () => {
          while (running) {
            const versions = await versionsOf(reader, some);
            assert.equal(versions.length, 1, `a mix of versions: ${versions}`);
            seen.push(...versions);
            await sleep(1);
          }
        })();
        const load = await loadOf(store);
        for (const block of versionedBlocks(many, 2, 100)) await load.write(block);
        assert.deepEqual(await versionsOf(reader, some), [1]);
        await load.commit();
        assert.deepEqual(await versionsOf(reader, some), [2]);
        running = false;
        await reading;
        assert.deepEqual(
          seen,
          seen.toSorted((a, b) => a - b),
        );
        assert.equal(seen[0], 1);
      });

      it('leaves nothing in the database of a load that is aborted or given up', async () => {
        await loadVersion(store, many, 1);
        const names = await harness.names();
        const load = await loadOf(store);
        for (const block of versionedBlocks(many, 2, 500)) await load.write(block);
        assert.deepEqual(await harness.names(), names);
        await load.abort();
        await load.abort();
        await storeErrorOf(load.commit(), 'STORE_FAILED');
        await storeErrorOf(load.write(new WriteBlock(FEATURES, 1)), 'STORE_FAILED');
        assert.deepEqual(await versionsOf(store, many), [1]);
        assert.deepEqual(await harness.names(), names);
      });

      it('takes no rows, and nothing more once it is committed', async () => {
        const load = await loadOf(store);
        await load.write(new WriteBlock(FEATURES, 1));
        await load.commit();
        await load.abort();
        await storeErrorOf(load.commit(), 'STORE_FAILED');
        assert.deepEqual(await harness.dump(VERSIONED), []);
      });

      it('writes nothing where one of its rows cannot be written, and lets go of its locks', async () => {
        await loadVersion(store, many, 1);
        const load = await loadOf(store);
        for (const block of versionedBlocks(many, 2, 500)) await load.write(block);
        // A bad value is behind most of the rows in the order of the keys; MySQL takes any bytes, but no such time.
        const bad = { ...versionedRow(many.length - 1, 3), values: new Map([['label', Buffer.from('garbage')]]) };
        const late = { ...versionedRow(255, 3), eventTimestamp: { seconds: 2 ** 45, nanos: 0 } };
        await load.write(
          blockOf([target.store === 'mysql' ? late : bad], target.store === 'mysql' ? FEATURES : ['label']),
        );
        await storeErrorOf(load.commit(), 'STORE_INVALID_ROW');
        assert.deepEqual(await versionsOf(store, many), [1]);
        await open().onlineWriteBatch(
          VERSIONED,
          many.map((id) => versionedRow(id, 4)),
        );
        assert.deepEqual(await versionsOf(store, many), [4]);
      });

      it('ends at the deadline, with nothing written', async () => {
        await loadVersion(store, many, 1);
        const load = await loadOf(store);
        for (const block of versionedBlocks(many, 2, 500)) await load.write(block);
        await storeErrorOf(load.commit({ deadline: Date.now() + 5 }), 'STORE_TIMEOUT');
        await load.abort();
        await storeErrorOf(load.write(new WriteBlock(FEATURES, 1)), 'STORE_FAILED');
        await open().onlineWriteBatch(VERSIONED, [versionedRow(0, 1)]);
        assert.deepEqual(await versionsOf(store, many), [1]);
      });

      it('says at once that the table is missing', async () => {
        await storeErrorOf(loadOf(store, tableWith('p', 'nowhere', ['driver_id'], FEATURES)), 'STORE_TABLE_MISSING');
      });

      it('keeps of its rows the newest, and what was pushed meanwhile where that is newer', async () => {
        const random = createSeededRandom(3);
        const newest = new Map<number, number>();
        const note = (id: number, version: number): OnlineRow => {
          newest.set(id, Math.max(version, newest.get(id) ?? -1));
          return versionedRow(id, version);
        };
        const pusher = open();
        let loading = true;
        const pushing = (async () => {
          while (loading) {
            const ids = new Set(Array.from({ length: 5 }, () => random(300)));
            await pusher.onlineWriteBatch(
              VERSIONED,
              [...ids].map((id) => note(id, random(1000))),
              undefined,
              { newestOnly },
            );
            // SQLite writes within one turn of the event loop.
            await sleep(1);
          }
        })();
        const load = await loadOf(store);
        for (let round = 0; round < 8; round++) {
          const ids = many.slice(0, 300).filter(() => random(2) === 0);
          await load.write(blockOf(ids.map((id) => note(id, random(1000)))));
        }
        await load.commit();
        loading = false;
        await pushing;
        for (const id of many.slice(0, 300)) {
          assert.deepEqual(await versionsOf(store, [id]), [newest.get(id) ?? -1], `entity ${id}`);
        }
      });

      it('adds features to those that are stored, each by its own time', async () => {
        await store.onlineWriteBatch(VERSIONED, [versionedRow(1, 10), versionedRow(2, 10)]);
        const load = await loadOf(store);
        await load.write(blockOf([versionedRow(1, 20, ['count']), versionedRow(2, 5, ['count'])], ['count']));
        await load.write(blockOf([versionedRow(1, 30, ['label'])], ['label']));
        await load.commit();
        assert.deepEqual(await versionsOfFeatures(1), {
          count: valueHex('count', 20),
          label: valueHex('label', 30),
          none: '',
        });
        assert.deepEqual(await versionsOf(store, [2]), [10]);
      });

      it(`leaves old rows or new ones, but no mix, when its process is killed, ${kills} times`, async () => {
        const random = createSeededRandom(Date.now());
        const ids = many.slice(0, 800);
        await loadVersion(store, ids, 0);
        const names = await harness.names();
        let [stored = -1] = await versionsOf(store, ids);
        for (let kill = 0; kill < kills; kill++) {
          const committed = await killedLoad(target, ids.length, stored + 1, random(400));
          await open().ping();
          const versions = await versionsOf(store, ids);
          assert.equal(versions.length, 1, `a mix of versions: ${versions}`);
          assert.ok((versions[0] ?? -1) >= Math.max(stored, committed), `${versions} after ${committed}`);
          stored = versions[0] ?? -1;
          assert.deepEqual(await harness.names(), names);
        }
        await loadVersion(store, ids, stored + 1);
        await store.onlineWriteBatch(
          REFERENCE,
          ids.map((id) => versionedRow(id, stored + 1)),
        );
        assert.deepEqual(await harness.dump(VERSIONED), await harness.dump(REFERENCE));
      });
    });
  });
}

/** What Feast recorded of several views, as if it were one: features have the names of their views in front. */
function goldenRows(store: 'mysql' | 'postgres'): OnlineRow[] {
  return goldenFolders(store).flatMap((repo) =>
    recordedTables(store, repo).flatMap(({ table, rows }) =>
      rows.map((row) => ({
        ...row,
        values: new Map([...row.values].map(([name, value]) => [`${repo} ${table.name} ${name}`, value])),
      })),
    ),
  );
}

/** Rows that may stand in a block together: of the same features, and each of another entity. */
function groupsOf(rows: readonly OnlineRow[]): OnlineRow[][] {
  const groups: { readonly features: string; readonly keys: Set<string>; readonly rows: OnlineRow[] }[] = [];
  for (const row of rows) {
    const features = [...row.values.keys()].join();
    const key = String(serializeEntityKey(row.entityKey));
    const group = groups.find((each) => each.features === features && !each.keys.has(key));
    if (group === undefined) groups.push({ features, keys: new Set([key]), rows: [row] });
    else {
      group.keys.add(key);
      group.rows.push(row);
    }
  }
  return groups.map((group) => group.rows);
}
