import assert from 'node:assert/strict';
import { ValueType_Enum } from '../../../gen/feast/types/Value_pb.ts';
import { serializeEntityKey } from '../../encoding/entity-key.ts';
import type { OnlineRow } from '../../stores/online-store.ts';
import type { Section } from '../kit.ts';
import { assertStoreError, rejectsWith } from '../rejections.ts';
import { driver, int32, int64, keyOf, plainRow, rowOf, text } from '../rows.ts';
import { DRIVERS, PAIRS, tableShape, USERS } from '../tables.ts';

const { STRING } = ValueType_Enum;

/** Names and keys in any script, of any type, of any length. */
export const testNamesAndKeys: Section = ({ it, on, storage }) => {
  const keepsApart = async (table: Parameters<OnRead>[0], rows: readonly OnlineRow[]): Promise<void> => {
    await on().write(table, rows);
    const keys = rows.map((row) => row.entityKey);
    assert.deepEqual(await on().read(table, keys), rows.map(plainRow));
  };
  type OnRead = ReturnType<typeof on>['read'];

  it('holds keys in any script, quotes, wildcards, separators and nothing at all included', async () => {
    const [users] = await on().applied(USERS);
    const names = [
      'Łódź',
      '数量',
      '𝒳',
      'e\u0301',
      'é',
      "'; DROP TABLE x; --",
      '"',
      '\\',
      '*',
      'per%_',
      ':',
      'a:b',
      'a',
    ];
    const more = ['', ' ', 'a ', ' a', 'A', 'null', 'x\0y', 'x', 'line\nbreak', '{"a": 1}', '__', 'ｱ', '\u{10ffff}'];
    const rows = [...names, ...more].map((name, at) =>
      rowOf(keyOf({ user: text(name) }), { city: text(`city ${at}`) }),
    );
    await keepsApart(users, rows);
  });

  if (storage.anyNames) {
    it('holds names of views, join keys and features in any script', async () => {
      const names = ['größe', '数量', "it's", 'a"b', 'per%', 'x*?[y]\\z', 'a b', 'a`b'];
      const features = Object.fromEntries(names.map((name) => [name, STRING]));
      const [table] = await on().applied(tableShape('ansicht_😀', ['ключ'], features));
      const rows = ['a', 'b'].map((key) => {
        return rowOf(keyOf({ ключ: text(key) }), Object.fromEntries(names.map((name) => [name, text(name + key)])));
      });
      await keepsApart(table, rows);
    });
  } else {
    it('refuses a view whose name it cannot hold', async () => {
      await rejectsWith('STORE_INVALID_ROW', () => on().applied(tableShape('ansicht 😀', ['id'], { a: STRING })));
    });
  }

  it('tells names apart that differ little', async () => {
    const shape = (name: string) => tableShape(name, ['driver_id'], { trips: STRING, Trips: STRING, trips_: STRING });
    const tables = await on().applied(shape('near'), shape('near_'), shape('nea'), shape('near_trips'));
    const rows = tables.map((table, at) => {
      return rowOf(driver(1), { trips: text(`1${at}`), Trips: text(`2${at}`), trips_: text(`3${table.name}`) });
    });
    for (const [at, table] of tables.entries()) await on().write(table, rows.slice(at, at + 1));
    for (const [at, table] of tables.entries()) {
      assert.deepEqual(await on().read(table, [driver(1)]), rows.slice(at, at + 1).map(plainRow));
    }
  });

  it('holds numbers at their limits as keys', async () => {
    const [drivers] = await on().applied(DRIVERS);
    const ids = [0n, 1n, -1n, 255n, 256n, 2n ** 31n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];
    await keepsApart(
      drivers,
      ids.map((id, at) => rowOf(keyOf({ driver_id: int64(id) }), { trips: int64(at) })),
    );
  });

  it('keeps apart keys of two parts whose texts read the same one after the other', async () => {
    const [pairs] = await on().applied(PAIRS);
    const parts = [
      ['ab', 'c'],
      ['a', 'bc'],
      ['', 'abc'],
      ['abc', ''],
      ['a:b', 'c'],
      ['a', 'b:c'],
    ];
    await keepsApart(
      pairs,
      parts.map(([user = '', shop = ''], at) => {
        return rowOf(keyOf({ user: text(user), shop: text(shop) }), { amount: { case: 'doubleVal', value: at } });
      }),
    );
  });

  if (storage.keyTypesApart) {
    it('keeps keys of different types apart', async () => {
      const [drivers] = await on().applied(DRIVERS);
      const keys = [
        int64(1),
        int32(1),
        text('1'),
        { case: 'bytesVal', value: Buffer.from('1') },
        { case: 'unixTimestampVal', value: 1n },
      ] as const;
      const [first, ...others] = keys.map((key, at) => rowOf(keyOf({ driver_id: key }), { trips: int64(at) }));
      assert.ok(first);
      await on().write(drivers, [first]);
      const read = await on().read(
        drivers,
        others.map((row) => row.entityKey),
      );
      assert.deepEqual(
        read,
        others.map(() => undefined),
      );
      await keepsApart(drivers, [first, ...others]);
    });
  }

  it('holds long keys, or refuses them: it never cuts them off', async () => {
    const [users] = await on().applied(USERS);
    for (const length of [200, 255, 256, 1000, 1024, 2048, 4096, 16_384, 65_000]) {
      // The second differs from the first in its last character only.
      const keys = ['a', 'b'].map((end) => keyOf({ user: text(end.padStart(length, 'x')) }));
      const rows = keys.map((key, at) => rowOf(key, { city: text(`${length}.${at}`) }));
      const size = Math.max(...keys.map((key) => serializeEntityKey(key).length));
      if (size <= storage.maxKeyBytes) {
        await keepsApart(users, rows);
      } else {
        await rejectsWith('STORE_INVALID_ROW', () => on().write(users, rows));
        await assertNotRead(() => on().read(users, keys));
      }
    }
  });
};

/** A key that cannot be stored cannot be read either: it is refused, or there is no row. */
async function assertNotRead(read: () => Promise<readonly unknown[]>): Promise<void> {
  let rows: readonly unknown[];
  try {
    rows = await read();
  } catch (error) {
    assertStoreError(error, ['STORE_INVALID_ROW']);
    return;
  }
  assert.deepEqual(
    rows,
    rows.map(() => undefined),
  );
}
