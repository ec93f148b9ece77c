import assert from 'node:assert/strict';
import { changeOf, readPlain, type StorePair } from '../fixture.ts';
import type { Section } from '../kit.ts';
import { assertStoreError } from '../rejections.ts';
import { driver, int64, plainRow, rowOf } from '../rows.ts';
import { DRIVERS } from '../tables.ts';

/** Several projects with views of the same names on the same keys, side by side on one storage. */
export const testProjects: Section = ({ it, on, storage }) => {
  if (!storage.projectsApart) return;

  /** Three projects, one of whose names begins with another's, each with a store and one row. */
  const fill = async () => {
    const own = on().context.project;
    const names = [own, `${own}_2`, `${own}_driver`];
    const projects: (StorePair & { table: ReturnType<typeof tableOf>; row: ReturnType<typeof rowOf> })[] = [];
    for (const [n, project] of names.entries()) {
      const pair = n === 0 ? on() : await on().another(project);
      const table = tableOf(project);
      await on().apply([table], pair.writer);
      const row = rowOf(driver(1), { trips: int64(n) }, 1_768_032_000 + n);
      await pair.writer.onlineWriteBatch(table, [row]);
      projects.push({ store: pair.store, writer: pair.writer, table, row });
    }
    return projects;
  };
  const tableOf = (project: string) => on().table(DRIVERS, project);

  it('gives each project its own rows', async () => {
    for (const { store, table, row } of await fill()) {
      assert.deepEqual(await readPlain(store, table, [driver(1), driver(2)]), [plainRow(row), undefined]);
    }
  });

  it('removes and tears down the rows of one project only', async () => {
    const [first, second, third] = await fill();
    assert.ok(first && second && third);
    await first.writer.teardown([first.table], []);
    await first.writer.update(changeOf({ tablesToKeep: [first.table] }));
    assert.deepEqual(await readPlain(first.store, first.table, [driver(1)]), [undefined]);
    assert.deepEqual(await readPlain(second.store, second.table, [driver(1)]), [plainRow(second.row)]);
    await second.writer.update(changeOf({ tablesToDelete: [second.table] }));
    assert.deepEqual(await readPlain(third.store, third.table, [driver(1)]), [plainRow(third.row)]);
  });

  it('gives a store that is asked for another project that project’s rows, or refuses', async () => {
    const [first, second] = await fill();
    assert.ok(first && second);
    try {
      assert.deepEqual(await readPlain(first.store, second.table, [driver(1)]), [plainRow(second.row)]);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      assertStoreError(error, ['STORE_UNSUPPORTED']);
    }
  });
};
