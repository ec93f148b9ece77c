import assert from 'node:assert/strict';
import type { PlainRow } from './rows.ts';

/**
 * Asserts that many rows are the expected ones, and shows the first that is not: the difference of thousands would take
 * minutes to work out and nobody would read it.
 */
export function assertSameRows(
  actual: readonly (PlainRow | undefined)[],
  expected: readonly (PlainRow | undefined)[],
): void {
  assert.equal(actual.length, expected.length, `${actual.length} rows where ${expected.length} were asked for`);
  const wrong = expected.findIndex((row, at) => JSON.stringify(row) !== JSON.stringify(actual[at]));
  if (wrong === -1) return;
  assert.deepEqual({ row: wrong, is: actual[wrong] }, { row: wrong, is: expected[wrong] });
}
