import assert from 'node:assert/strict';
import { ReadGate } from '../../src/serving/read-gate.ts';
import type { CallsWithLoad, CallWithLoad } from '../support/old-space.ts';

const BYTES = 6400;
const gate = new ReadGate({ bytes: BYTES, maxAgeMs: 60_000 });
const turns: (Promise<void> | undefined)[] = [];

/** Waits behind those who came before, and lets the first of them leave. */
export const call: CallWithLoad = async (load, n) => {
  turns.push(gate.enter(BYTES, Object.assign({ cancelled: false }, { load })));
  if (n < 20) return;
  await turns.shift();
  gate.leave(BYTES);
};

export const end: CallsWithLoad['end'] = async () => {
  for (const turn of turns) {
    await turn;
    gate.leave(BYTES);
  }
  assert.deepEqual(gate.underWay(), { waiting: 0, bytes: 0 });
};
