import assert from 'node:assert/strict';
import { serializeEntityKey } from '../../src/encoding/entity-key.ts';
import type { OnlineRow, OnlineTable } from '../../src/stores/online-store.ts';
import { WriteBlock } from '../../src/stores/write-block.ts';
import { rowsFromWriteBlock, writeBlockFromRows } from '../../src/stores/write-block-rows.ts';
import { driverKey, driverRow, int64Bytes, storeErrorOf } from '../support/store-rows.ts';

const TABLE: OnlineTable = { project: 'p', name: 'v', joinKeys: ['driver_id'], features: [] };
const NULL = new Uint8Array();

describe('a block of rows to write', () => {
  const row = (id: number, a: Uint8Array, b: Uint8Array): OnlineRow => ({
    ...driverRow(id, 100 + id, {}),
    values: new Map([
      ['a', a],
      ['b', b],
    ]),
  });
  const rows = [
    row(1, int64Bytes(1), NULL),
    { ...row(2, NULL, NULL), createdTimestamp: { seconds: -5, nanos: 7 } },
    row(3, int64Bytes(300), Buffer.alloc(100_000, 7)),
  ];

  it('holds the pieces of rows one behind the other', () => {
    const block = writeBlockFromRows(TABLE, ['a', 'b'], rows.slice(0, 2));
    const pieces = [
      serializeEntityKey(driverKey(1)),
      int64Bytes(1),
      NULL,
      serializeEntityKey(driverKey(2)),
      NULL,
      NULL,
    ];
    assert.deepEqual(Buffer.from(block.bytes), Buffer.concat(pieces));
    let end = 0;
    const ends = pieces.map((piece) => {
      end += piece.length;
      return end;
    });
    assert.deepEqual([...block.ends], ends);
    assert.deepEqual([...block.times], [101, 0, Number.NaN, 0, 102, 0, -5, 7]);
    assert.equal(block.isFull, true);
  });

  it('gives the rows back that it was made from', () => {
    const back = rowsFromWriteBlock(writeBlockFromRows(TABLE, ['b', 'a'], rows));
    const plain = (each: OnlineRow) => ({
      ...each,
      values: Object.fromEntries([...each.values].map(([name, value]) => [name, Buffer.from(value)])),
    });
    assert.deepEqual(back.map(plain), rows.map(plain));
  });

  it('drops a row that is there in part, and can be filled again', () => {
    const block = new WriteBlock(['a'], 2);
    const add = (id: number): void => {
      block.out.raw(serializeEntityKey(driverKey(id)));
      block.endPiece();
      block.out.raw(int64Bytes(id));
      block.endPiece();
      block.endRow(id, 0);
    };
    for (const before of [0, 1]) {
      block.clear();
      for (let id = 1; id <= before; id++) add(id);
      block.out.raw(serializeEntityKey(driverKey(9)));
      block.endPiece();
      block.out.raw(int64Bytes(9));
      block.dropRow();
      add(5);
      const expected = [1, 5].slice(1 - before).map((id) => driverRow(id, id, { a: id }));
      assert.deepEqual(
        rowsFromWriteBlock(block).map(({ eventTimestamp }) => eventTimestamp),
        expected.map(({ eventTimestamp }) => eventTimestamp),
      );
      assert.deepEqual(
        [...block.bytes],
        expected.flatMap((each) => [...serializeEntityKey(each.entityKey), ...(each.values.get('a') ?? [])]),
      );
    }
  });

  it('refuses rows that do not fit it', async () => {
    const refused = async (row: OnlineRow): Promise<string> => {
      const call = async (): Promise<unknown> => writeBlockFromRows(TABLE, ['a', 'b'], [row]);
      return (await storeErrorOf(call(), 'STORE_INVALID_ROW')).message;
    };
    assert.match(
      await refused(driverRow(1, 1, { a: 1 })),
      /^Row 0 of .* has other features than its block \(a, b\)\.$/,
    );
    assert.match(await refused(driverRow(1, 1, { a: 1, b: 1, c: 1 })), /other features/);
    assert.match(await refused(driverRow(1, 0.5, { a: 1, b: 1 })), /not a Timestamp/);
  });
});
