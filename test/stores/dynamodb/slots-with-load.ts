import { RequestSlots } from '../../../src/stores/dynamodb/dynamodb-slots.ts';
import type { CallsWithLoad, CallWithLoad } from '../../support/old-space.ts';

const DOING = 'reading features';
const slots = new RequestSlots(1, 100);
const turns: Promise<void>[] = [];

/** Takes a slot behind those who wait, and lets the first of them go on. */
export const call: CallWithLoad = async (load, n) => {
  turns.push(slots.take(Object.assign({ cancelled: false }, { load }), 60_000, DOING));
  if (n < 20) return;
  await turns.shift();
  slots.release();
};

export const end: CallsWithLoad['end'] = async () => {
  slots.close(DOING);
  await Promise.allSettled(turns);
};
