import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { serializeEntityKey } from '../../src/encoding/entity-key.ts';
import type { OnlineRow, OnlineTable } from '../../src/stores/online-store.ts';
import { RowSpool } from '../../src/stores/sql/row-spool.ts';
import { sortedBlocks } from '../../src/stores/sql/sorted-blocks.ts';
import { replaces } from '../../src/stores/sql/write-order.ts';
import { WriteBlock } from '../../src/stores/write-block.ts';
import { rowsFromWriteBlock, writeBlockFromRows } from '../../src/stores/write-block-rows.ts';
import { createSeededRandom, type SeededRandom } from '../support/seeded-random.ts';
import { driverKey, int64Bytes } from '../support/store-rows.ts';

const TABLE: OnlineTable = { project: 'p', name: 'v', joinKeys: ['driver_id'], features: [] };
const FEATURES = ['a', 'b'];

describe('rows that wait for their load', () => {
  let spool: RowSpool;

  afterEach(() => spool.close());

  const randomRow = (random: SeededRandom, ids: number): OnlineRow => {
    const long = random(200) === 0 ? Buffer.alloc(random(60_000), 7) : Buffer.alloc(random(20), random(256));
    return {
      entityKey: driverKey(random(ids)),
      values: new Map([
        ['a', int64Bytes(random(1000))],
        ['b', random(3) === 0 ? new Uint8Array() : long],
      ]),
      eventTimestamp: { seconds: random(20) - 5, nanos: random(3) },
      ...(random(2) === 0 && { createdTimestamp: { seconds: random(4), nanos: 0 } }),
    };
  };

  const idOf = (row: OnlineRow): string => Buffer.from(serializeEntityKey(row.entityKey)).toString('latin1');

  const plain = (row: OnlineRow): unknown => ({
    ...row,
    entityKey: Buffer.from(idOf(row), 'latin1').toString('hex'),
    values: [...row.values].map(([name, value]) => [name, Buffer.from(value).toString('hex')]),
  });

  /** What comes out, as rows of their own. */
  const sorted = async (values: number): Promise<{ rows: unknown[]; sizes: number[] }> => {
    const rows: unknown[] = [];
    const sizes: number[] = [];
    for await (const block of sortedBlocks(await spool.finish(), values)) {
      sizes.push(block.rows);
      rows.push(...rowsFromWriteBlock(block).map(plain));
    }
    return { rows, sizes };
  };

  for (const [runBytes, ids] of [
    [1, 1e6],
    [5000, 1e6],
    [5000, 400],
    [1e8, 1e6],
    [1e8, 400],
  ] as const) {
    it(`come out sorted, the newest of each entity, in runs of ${runBytes} bytes with ${ids} entities`, async () => {
      const random = createSeededRandom(runBytes + ids);
      spool = new RowSpool(runBytes);
      const newest = new Map<string, OnlineRow>();
      for (let batch = 0; batch < 30; batch++) {
        const rows = new Map(
          Array.from({ length: random(40) }, () => randomRow(random, ids)).map((row) => [idOf(row), row]),
        );
        for (const [id, row] of rows) {
          const known = newest.get(id);
          if (known === undefined || replaces(row, known)) newest.set(id, row);
        }
        await spool.add(writeBlockFromRows(TABLE, FEATURES, [...rows.values()]));
      }
      const { rows, sizes } = await sorted(20);
      const expected = [...newest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => plain(row));
      assert.deepEqual(rows, expected);
      assert.ok(
        sizes.slice(0, -1).every((size) => size === 10),
        String(sizes),
      );
    });
  }

  it('come out in the order in which they came where an entity has rows of other features', async () => {
    spool = new RowSpool(1);
    const row = (names: readonly string[], seconds: number): OnlineRow => ({
      entityKey: driverKey(1),
      values: new Map(names.map((name) => [name, int64Bytes(seconds)])),
      eventTimestamp: { seconds, nanos: 0 },
    });
    const rows = [row(['a', 'b'], 3), row(['a'], 9), row(['a', 'b'], 5), row([], 1)];
    for (const each of rows) await spool.add(writeBlockFromRows(TABLE, [...each.values.keys()], [each]));
    const out = await sorted(100);
    assert.deepEqual(out.rows, rows.map(plain));
  });

  it('leave no file behind, and take little memory', async () => {
    spool = new RowSpool(1e6);
    const files = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('sideboard-load-'));
    const before = process.memoryUsage().arrayBuffers;
    const block = new WriteBlock(['a'], 100);
    const value = new Uint8Array(2000);
    let most = 0;
    for (let n = 0; n < 300; n++) {
      block.clear();
      for (let row = 0; row < 100; row++) {
        block.out.raw(serializeEntityKey(driverKey((n * 100 + row) * 7919)));
        block.endPiece();
        block.out.raw(value);
        block.endPiece();
        block.endRow(n, 0);
      }
      await spool.add(block);
      // 60 MB go through; a few pieces of them wait for the collector.
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      assert.deepEqual(files(), []);
    }
    assert.ok(most < 15e6, `${most} bytes`);
    let rows = 0;
    for await (const each of sortedBlocks(await spool.finish(), 1000)) rows += each.rows;
    assert.equal(rows, 30_000);
  });

  it('say why they cannot be kept', async () => {
    const folder = process.env.TMPDIR;
    process.env.TMPDIR = '/proc/nowhere';
    try {
      spool = new RowSpool(1);
      const row = { entityKey: driverKey(1), values: new Map(), eventTimestamp: { seconds: 1, nanos: 0 } };
      const add = (): Promise<void> => spool.add(writeBlockFromRows(TABLE, [], [row]));
      await add();
      await assert.rejects(add, { code: 'STORE_OVERLOADED', message: /folder for temporary files.*ENOENT/ });
    } finally {
      if (folder === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = folder;
    }
  });
});
