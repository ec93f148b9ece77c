import assert from 'node:assert/strict';
import type { StoreError, StoreErrorCode } from '../stores/store-error.ts';

/** Asserts that a call fails with a `StoreError` of one of these codes. */
export async function rejectsWith(
  codes: StoreErrorCode | readonly StoreErrorCode[],
  call: () => Promise<unknown>,
): Promise<void> {
  const expected = typeof codes === 'string' ? [codes] : codes;
  let answer: unknown;
  try {
    answer = await call();
  } catch (error) {
    assertStoreError(error, expected);
    return;
  }
  assert.fail(`The call succeeded where ${expected.join(' or ')} was expected (it answered ${shown(answer)}).`);
}

/** By name: a store outside this package may have been loaded with another copy of it. */
export function assertStoreError(error: unknown, expected: readonly StoreErrorCode[]): asserts error is StoreError {
  const { name, code, message } = error as Partial<StoreError>;
  assert.equal(name, 'StoreError', `An error that is not a StoreError: ${String(error)}`);
  assert.ok(
    expected.some((each) => each === code),
    `${code} where ${expected.join(' or ')} was expected: ${message}`,
  );
}

function shown(answer: unknown): string {
  return Array.isArray(answer) ? `a list of ${answer.length}` : String(answer);
}
