import assert from 'node:assert/strict';
import type { Section } from '../kit.ts';
import type { ValueArm } from '../options.ts';
import { rejectsWith } from '../rejections.ts';
import { bytesOf, driver, hex, rowOf } from '../rows.ts';
import { DRIVERS, tableShape } from '../tables.ts';
import { extremes, oneOfEveryArm, type Sample } from '../value-samples.ts';

/** Every arm of `feast.types.Value`. */
export const testValueTypes: Section = ({ it, on, storage }) => {
  const holds = (arm: ValueArm): boolean => storage.valueTypes === 'all' || storage.valueTypes.includes(arm);

  for (const [title, samples] of [
    ['keeps a value of every type', oneOfEveryArm],
    ['keeps the extremes of types: limits, NaN, negative zero, empty lists', extremes],
  ] as const) {
    it(title, async () => {
      const held = samples.filter((sample) => holds(sample.val.case));
      const [table] = await on().applied(shapeOf(held));
      const values = Object.fromEntries(held.map(({ name, val }) => [name, val]));
      await on().write(table, [rowOf(driver(1), values)]);
      const [row] = await on().read(table, [driver(1)]);
      // One by one, so that the report names the type.
      const changed = held.flatMap(({ name, val }) => {
        const expected = hex(bytesOf(val));
        return row?.values[name] === expected ? [] : [`${name}: ${row?.values[name]} instead of ${expected}`];
      });
      assert.deepEqual(changed, []);
    });
  }

  const refused = oneOfEveryArm.filter((sample) => !holds(sample.val.case));
  if (refused.length > 0) {
    it('refuses values of the types that it cannot hold, and stores nothing in their place', async () => {
      for (const sample of refused) {
        const [table] = await on().applied({ ...shapeOf([sample]), name: `of_${sample.name}` });
        await rejectsWith('STORE_INVALID_ROW', () => {
          return on().writer.onlineWriteBatch(table, [rowOf(driver(1), { [sample.name]: sample.val })]);
        });
        const [row] = await on().read(table, [driver(1)]);
        assert.deepEqual(row?.values ?? {}, {});
      }
    });
  }

  if (storage.verbatim) {
    it('keeps values that a later version of the protocol may bring, to the byte', async () => {
      const [drivers] = await on().applied(DRIVERS);
      // Field 500, a message of three bytes, behind a text.
      const value = Buffer.concat([bytesOf({ case: 'stringVal', value: 'a' }), Buffer.from('a21f03010203', 'hex')]);
      await on().write(drivers, [rowOf(driver(1), { city: value })]);
      const [row] = await on().read(drivers, [driver(1)]);
      assert.deepEqual(row?.values, { city: hex(value) });
    });
  }
};

function shapeOf(samples: readonly Sample[]): ReturnType<typeof tableShape> {
  return tableShape('types', ['driver_id'], Object.fromEntries(samples.map(({ name, type }) => [name, type])));
}
