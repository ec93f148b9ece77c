import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallOptions } from '../../src/stores/online-store.ts';
import { StoreError } from '../../src/stores/store-error.ts';

/** What a number of callers got so far. */
export interface Load {
  readonly served: number;
  readonly failed: number;
  readonly codes: ReadonlySet<string>;
  stop(): Promise<void>;
}

/** Callers that ask again and again, each with a deadline. A wrong answer fails `stop`. */
export function startLoad(callers: number, call: (options: CallOptions) => Promise<void>): Load {
  const state = { served: 0, failed: 0, codes: new Set<string>(), running: true };
  const caller = async (): Promise<void> => {
    while (state.running) {
      try {
        await call({ deadline: Date.now() + 500 });
        state.served++;
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        state.codes.add(error.code);
        state.failed++;
        await sleep(5);
      }
    }
  };
  const all = Promise.all(Array.from({ length: callers }, caller));
  all.catch(() => {});
  return Object.assign(state, {
    async stop() {
      state.running = false;
      await all;
    },
  });
}

export async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    assert.ok(error instanceof StoreError, String(error));
    return error.code;
  }
}

export async function waitUntil(isSo: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + 20_000;
  while (!isSo()) {
    assert.ok(Date.now() < giveUpAt, `waited in vain until ${isSo}`);
    await sleep(5);
  }
}

export const isStoreError = (error: unknown): boolean => error instanceof StoreError;

/**
 * A caller that tries again every few milliseconds.
 * @param isForeseen false for a failure that ends it at once
 */
export async function succeedsWithin(
  limitMs: number,
  call: () => Promise<unknown>,
  isForeseen: (error: unknown) => boolean = () => true,
): Promise<void> {
  const giveUpAt = Date.now() + limitMs;
  for (;;) {
    try {
      await call();
      return;
    } catch (error) {
      if (!isForeseen(error) || Date.now() > giveUpAt) throw error;
    }
    await sleep(10);
  }
}
