import { RequestSlots } from '../../../src/stores/dynamodb/dynamodb-slots.ts';
import type { CallWithLoad } from '../../support/old-space.ts';

const slots = new RequestSlots(1, 100);
const turns: Promise<void>[] = [];

/** Takes a slot behind those who wait, and lets the first of them go on. */
export const call: CallWithLoad = async (load, n) => {
  turns.push(slots.take(Object.assign({ cancelled: false }, { load }), 60_000, 'reading features'));
  if (n < 20) return;
  await turns.shift();
  slots.release();
};
