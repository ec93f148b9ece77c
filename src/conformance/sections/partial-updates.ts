import assert from 'node:assert/strict';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { changeOf } from '../fixture.ts';
import type { Section } from '../kit.ts';
import { driver, int64, plainRow, rowOf } from '../rows.ts';
import { DRIVERS, tableShape } from '../tables.ts';

/** One view among many on the same keys is written, applied or removed: the others stay as they are. */
export const testPartialUpdates: Section = ({ it, on }) => {
  const shapes = Array.from({ length: 5 }, (_, n) => tableShape(`view_${n}`, ['driver_id'], { a: INT64, b: INT64 }));

  const fill = async () => {
    const tables = await on().applied(...shapes);
    const rows = tables.map((_, n) => {
      return [1, 2].map((id) => rowOf(driver(id), { a: int64(n * 10 + id), b: int64(n) }, 1_768_032_000 + n));
    });
    for (const [n, table] of tables.entries()) await on().write(table, rows[n] ?? []);
    return { tables, rows };
  };
  const keys = [driver(1), driver(2)];

  it('writes one view and leaves the others alone', async () => {
    const { tables, rows } = await fill();
    const again = rowOf(driver(1), { a: int64(99), b: int64(99) }, 1_768_099_000);
    const [, second] = tables;
    assert.ok(second);
    await on().write(second, [again]);
    for (const [n, table] of tables.entries()) {
      const [one, two] = rows[n] ?? [];
      const expected = n === 1 ? [again, two] : [one, two];
      assert.deepEqual(
        await on().read(table, keys),
        expected.map((row) => row && plainRow(row)),
      );
    }
  });

  it('applies one view and leaves those alone that a partial change does not name', async () => {
    const { tables, rows } = await fill();
    await on().applied(DRIVERS);
    for (const [n, table] of tables.entries()) {
      assert.deepEqual(await on().read(table, keys), rows[n]?.map(plainRow));
    }
  });

  it('removes one view and leaves the others alone', async () => {
    const { tables, rows } = await fill();
    const [, , third] = tables;
    assert.ok(third);
    await on().writer.update(changeOf({ tablesToDelete: [third] }));
    await on().apply([third]);
    for (const [n, table] of tables.entries()) {
      const expected = n === 2 ? [undefined, undefined] : rows[n]?.map(plainRow);
      assert.deepEqual(await on().read(table, keys), expected);
    }
  });
};

const { INT64 } = ValueType_Enum;
