import assert from 'node:assert/strict';
import { serializeEntityKey } from '../../encoding/entity-key.ts';
import type { Section } from '../kit.ts';
import { driver, hex, int64, keyOf, rowOf, text } from '../rows.ts';
import { DRIVERS, ORDERS, USERS } from '../tables.ts';

/** `listTables` and `sampleKeys`, where a store has them. */
export const testInspection: Section = ({ it, on, storage }) => {
  it('lists the tables of a project and of no other, if it lists any', async () => {
    const { store, writer, context } = on();
    if (store.listTables === undefined) return;
    await on().applied(DRIVERS, ORDERS);
    const other = `${context.project}x`;
    const elsewhere = await on().another(other);
    await on().apply([{ ...DRIVERS, name: 'elsewhere', project: other }], elsewhere.writer);
    assert.deepEqual((await store.listTables(context.project)).toSorted(), ['driver_orders', 'driver_stats']);
    await writer.teardown([on().table(ORDERS)], []);
    assert.deepEqual(await store.listTables(context.project), ['driver_stats']);
  });

  it('samples serialized keys of a table, at most so many, if it samples any', async () => {
    const { store } = on();
    if (store.sampleKeys === undefined || !storage.keyTypesApart) return;
    const [drivers, users] = await on().applied(DRIVERS, USERS);
    assert.deepEqual(await store.sampleKeys(drivers, 10), []);
    await on().write(
      drivers,
      [1, 2, 3, 4].map((id) => rowOf(driver(id), { trips: int64(id) })),
    );
    await on().write(users, [rowOf(keyOf({ user: text('a') }), { city: text('b') })]);
    const stored = [1, 2, 3, 4].map((id) => hex(serializeEntityKey(driver(id))));
    const all = (await store.sampleKeys(drivers, 10)).map(hex);
    assert.deepEqual(all.toSorted(), stored.toSorted());
    const some = (await store.sampleKeys(drivers, 2)).map(hex);
    assert.equal(some.length, 2);
    assert.ok(some.every((key) => stored.includes(key)));
  });
};
