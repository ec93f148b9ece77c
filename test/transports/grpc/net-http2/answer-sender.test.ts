import assert from 'node:assert/strict';
import { oldSpaceGrowth } from '../../../support/old-space.ts';
import { createSender, TestStream } from './sender-under-test.ts';

const WINDOW = 65_535;
/** More than one frame, so that it does not leave with its headers. */
const ANSWER = new Uint8Array(20_000);

describe('the answers of a connection', () => {
  it('leave in the order in which they came, but none waits for a stream whose window is shut', () => {
    const { sender, gone } = createSender();
    sender.extend(undefined, 1_000_000);
    const shut = new TestStream(1, 10, []);
    for (const stream of [shut, new TestStream(3, WINDOW), new TestStream(5, WINDOW)]) sender.answer(stream, ANSWER);
    sender.flushNow();
    assert.deepEqual(gone, [3, 5]);
    sender.answer(new TestStream(7, WINDOW), ANSWER);
    sender.extend(shut, ANSWER.length);
    sender.flushNow();
    assert.deepEqual(gone, [3, 5, 1, 7]);
    assert.equal(sender.unsent, 0);
  });

  it('do not wait for one that was taken back', () => {
    const { sender, gone } = createSender();
    const streams = [1, 3, 5, 7].map((id) => new TestStream(id, WINDOW));
    for (const stream of streams) sender.answer(stream, ANSWER);
    for (const stream of streams.slice(0, 2)) sender.forget(stream);
    sender.flushNow();
    assert.deepEqual([gone, sender.unsent], [[5, 7], 0]);
  });

  it('let streams that are over be collected with young objects, also behind a full collection', async () => {
    const grown = await oldSpaceGrowth(new URL('./answers-with-load.ts', import.meta.url));
    assert.ok(grown < 3_000_000, `${grown} bytes more in the old space`);
  });
});
