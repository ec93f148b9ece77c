import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { assertStillWanted, withinDeadline } from '../../src/serving/deadline.ts';
import { ServingError } from '../../src/serving/serving-error.ts';

const never = () => new Promise<never>(() => {});
const hasCode = (code: string) => (error: unknown) => error instanceof ServingError && error.code === code;

describe('a deadline', () => {
  it('ends the wait for a store that does not answer', async () => {
    await assert.rejects(
      withinDeadline(never(), 'the store was read', { deadline: Date.now() + 20 }),
      hasCode('DEADLINE_EXCEEDED'),
    );
  });

  it('ends the wait when the caller goes away', async () => {
    const caller = new AbortController();
    const wait = withinDeadline(never(), 'the store was read', { signal: caller.signal });
    caller.abort();
    await assert.rejects(wait, hasCode('REQUEST_CANCELLED'));
  });

  it('passes results and failures on, and leaves nothing behind at the signal', async () => {
    const { signal } = new AbortController();
    const call = { signal, deadline: Date.now() + 10_000 };
    assert.equal(await withinDeadline(Promise.resolve(7), 'the store was read', call), 7);
    await assert.rejects(withinDeadline(Promise.reject(new Error('boom')), 'the store was read', call), /boom/);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('swallows the failure of work that came too late', async () => {
    const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error('late')), 30));
    await assert.rejects(
      withinDeadline(late, 'the store was read', { deadline: Date.now() + 5 }),
      hasCode('DEADLINE_EXCEEDED'),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
  });

  it('refuses to start for a caller who is not waiting any more', () => {
    assert.throws(
      () => assertStillWanted('the request waited', { deadline: Date.now() - 1 }),
      hasCode('DEADLINE_EXCEEDED'),
    );
    assert.throws(
      () => assertStillWanted('the request waited', { signal: AbortSignal.abort() }),
      hasCode('REQUEST_CANCELLED'),
    );
    assert.doesNotThrow(() => assertStillWanted('the request waited', {}));
  });
});
