import assert from 'node:assert/strict';
import type { CallWithLoad } from '../../../support/old-space.ts';
import { createSender, TestStream } from './sender-under-test.ts';

const { sender, gone } = createSender();
const present: TestStream[] = [];
const message = new Uint8Array(10);

/** Answers a stream without a window, and lets the answer before twenty others leave. */
export const call: CallWithLoad = (load, n) => {
  const stream = new TestStream(2 * n + 1, 0, load);
  sender.answer(stream, message);
  const first = present[n % 20];
  present[n % 20] = stream;
  if (first === undefined) return;
  sender.extend(undefined, first.outgoingLeft);
  sender.extend(first, first.outgoingLeft);
  sender.flushNow();
  assert.equal(gone.pop(), first.id);
};
