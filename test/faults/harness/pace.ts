import { setTimeout as sleep } from 'node:timers/promises';
import type { Load } from '../load/start-load.ts';
import type { Form } from './figures.ts';

/** Lets a load go on: for a time in full, for so many calls where there is little time. */
export async function lasting(
  load: Load,
  form: Form,
  { longMs, shortCalls }: { readonly longMs: number; readonly shortCalls: number },
): Promise<void> {
  await (form === 'long' ? sleep(longMs) : load.untilEnded(shortCalls));
}
