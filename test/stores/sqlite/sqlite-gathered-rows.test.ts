import assert from 'node:assert/strict';
import { join } from 'node:path';
import fc from 'fast-check';
import { RowBlock } from '../../../src/stores/row-block.ts';
import { loadSqliteDriver, type SqliteDatabase } from '../../../src/stores/sqlite/sqlite-driver.ts';
import { SqliteOnlineStore, SqliteOnlineStoreConfig } from '../../../src/stores/sqlite/sqlite-online-store.ts';
import { tableWith } from '../../support/golden-stores.ts';
import { changeOf } from '../../support/store-rows.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

/** Names that look like what stands between names, and some that need quoting. */
const NAMES = ['a', 'b', 'trips', 'a\nb', "it's", '"q"', 'größe', '1,2', '%', 'NULL', '数'];
/** Stored under no name of the view: features that were removed, one of them written by who knows what. */
const REMOVED = ['gone', 'a\0b'];
const TIME = 1_700_000_000;

const table = tableWith('p', 'stats', ['driver_id'], NAMES);

const blob = fc.oneof(
  fc.uint8Array({ maxLength: 30 }),
  fc.constantFrom(Buffer.from([]), Buffer.from([0]), Buffer.from([0, 0, 0xff, 0xfe]), Buffer.from('c3', 'hex')),
  fc.constantFrom(Buffer.from('eda080', 'hex'), Buffer.from('6,7', 'utf8'), Buffer.alloc(5000, 0x80)),
);
const entity = fc.dictionary(fc.constantFrom(...NAMES, ...REMOVED), blob, {
  maxKeys: NAMES.length + 1,
  noNullPrototype: true,
});
const asked = fc.array(fc.constantFrom(...NAMES, 'unknown'), { maxLength: 20 });

for (const encoding of ['UTF-8', 'UTF-16le']) {
  describe(`rows gathered from a SQLite database in ${encoding}`, () => {
    const folder = useTempFolder();
    let store: SqliteOnlineStore;
    let database: SqliteDatabase;

    beforeEach(async () => {
      const path = join(folder(), 'online.db');
      const Driver = await loadSqliteDriver();
      database = new Driver(path, {});
      database.pragma(`encoding = '${encoding}'`);
      const context = { project: 'p', repoPath: folder(), warn: () => {} };
      store = new SqliteOnlineStore(SqliteOnlineStoreConfig.parse({ path }), context);
      database.exec('CREATE TABLE first_table_fixes_the_encoding (x)');
      await store.update(changeOf({ tablesToKeep: [table] }));
    });

    afterEach(async () => {
      database.close();
      await store.close();
    });

    it('hold exactly the bytes that are stored, whatever they are and whichever features are asked for', async () => {
      assert.equal(database.pragma('encoding', { simple: true }), encoding);
      const insert = database.prepare('INSERT INTO p_stats VALUES (?, ?, ?, NULL, NULL, ?, NULL)');
      await fc.assert(
        fc.asyncProperty(fc.array(entity, { minLength: 1, maxLength: 40 }), asked, async (entities, features) => {
          database.exec('BEGIN; DELETE FROM p_stats');
          for (const [row, values] of entities.entries()) {
            for (const [name, value] of Object.entries(values)) {
              insert.run(Buffer.from([row]), name, Buffer.from(value), BigInt(TIME + row));
            }
          }
          database.exec('COMMIT');
          // One entity more than there are.
          const keys = Array.from({ length: entities.length + 1 }, (_, row) => Buffer.from([row]));
          const block = new RowBlock(keys.length, features.length);
          await store.readMany([{ table, keys, features, block }]);
          for (const row of keys.keys()) {
            const values = entities[row] ?? {};
            const isStored = Object.keys(values).length > 0;
            assert.equal(block.found[row], isStored ? 1 : 0);
            if (isStored) assert.deepEqual(block.timestampAt(row), { seconds: TIME + row, nanos: 0 });
            for (const [column, name] of features.entries()) {
              const expected = values[name];
              const actual = block.valueAt(row, column);
              assert.equal(hex(actual), hex(expected), `row ${row}, feature ${JSON.stringify(name)}`);
            }
          }
        }),
        { numRuns: 150 },
      );
    });
  });
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('hex');
}
