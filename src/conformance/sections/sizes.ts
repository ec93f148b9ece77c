import assert from 'node:assert/strict';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import type { Section } from '../kit.ts';
import { rejectsWith } from '../rejections.ts';
import { driver, int64, plainRow, rowOf, text } from '../rows.ts';
import { assertSameRows } from '../same-rows.ts';
import { DRIVERS, tableShape } from '../tables.ts';

/** From one entity to ten thousand, from one feature to hundreds, from small values to large ones. */
export const testSizes: Section = ({ it, slow, on, storage }) => {
  slow('writes 10,000 entities in one batch and reads from 1 to all of them in one call', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const rows = Array.from({ length: 10_000 }, (_, id) => rowOf(driver(id), { trips: int64(id * 3) }));
    await on().write(drivers, rows);
    // Around the sizes at which databases and their protocols split a call.
    for (const size of [1, 2, 24, 25, 26, 99, 100, 101, 500, 501, 1000, 1001, 10_000]) {
      const from = (size * 37) % (rows.length - size + 1);
      const asked = rows.slice(from, from + size);
      const keys = [...asked.map((row) => row.entityKey), driver(-size)];
      const read = await on().read(drivers, keys, ['trips']);
      assertSameRows(read, [...asked.map(plainRow), undefined]);
    }
  });

  it('serves a view of 300 features', async () => {
    const names = Array.from({ length: 300 }, (_, n) => `feature_${n}`);
    const shape = tableShape('wide', ['driver_id'], Object.fromEntries(names.map((name) => [name, INT64])));
    const [wide] = await on().applied(shape);
    const rows = [1, 2].map((id) => {
      return rowOf(driver(id), Object.fromEntries(names.map((name, n) => [name, int64(id * 1000 + n)])));
    });
    await on().write(wide, rows);
    assertSameRows(await on().read(wide, [driver(1), driver(2)]), rows.map(plainRow));
    const some = ['feature_299', 'feature_0', 'feature_123'];
    const [row] = await on().read(wide, [driver(2)], some);
    assert.deepEqual(Object.keys(row?.values ?? {}).sort(), some.toSorted());
  });

  it('holds large values, or refuses them: it never cuts them off', async () => {
    const [drivers] = await on().applied(DRIVERS);
    for (const size of [1000, 70_000, 390_000, 1 << 20]) {
      // Five bytes are the value's tag and length.
      const row = rowOf(driver(size), { city: text('x'.repeat(size - 5)) });
      if (size <= storage.maxValueBytes) {
        await on().write(drivers, [row]);
        assert.deepEqual(await on().read(drivers, [driver(size)]), [plainRow(row)]);
      } else {
        await rejectsWith('STORE_INVALID_ROW', () => on().write(drivers, [row]));
        assert.deepEqual(await on().read(drivers, [driver(size)]), [undefined]);
      }
    }
  });
};

const { INT64 } = ValueType_Enum;
