import assert from 'node:assert/strict';
import { timesInProduct } from './harness/program.ts';
import { faultRows } from './programme.ts';

describe('the rows of the fault programme', () => {
  it('have names of their own', () => {
    assert.deepEqual(
      [...new Set(faultRows.map(({ id }) => id))],
      faultRows.map(({ id }) => id),
    );
  });

  for (const row of faultRows) {
    it(`${row.id} can be shown to fail: the product holds once what each of its mutations replaces`, () => {
      assert.ok(row.mutations.length > 0, 'it has no mutation');
      const times = row.mutations.map((mutation) => [mutation.name, timesInProduct(mutation)]);
      assert.deepEqual(
        times,
        row.mutations.map(({ name }) => [name, 1]),
      );
    });
  }
});
